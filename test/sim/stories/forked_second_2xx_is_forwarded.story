# @req SC-13 RC-19 PX-9 RF-9a
story two contacts answer: both 2xx reach the caller, which ends the surplus dialog; the other one lives on
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 answers after 300
bob2 answers after 302
at 0 alice invites sip:bob@ims.example
at 2000 expect session confirmed
at 3000 alice hangs up
expect at alice 2 200 to INVITE
expect at bob1 1 BYE
expect at bob2 1 BYE
expect at bob1 1 BYE sent-after 2500
expect session ended caller-hung-up
expect nothing left
