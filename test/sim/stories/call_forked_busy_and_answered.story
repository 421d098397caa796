# @req RC-19 RF-12 RF-12b PX-11
story one contact is busy, the other answers; with a third that is cancelled as "completed elsewhere"
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
ue bob3 at 127.0.0.1:6004 as sip:bob@ims.example registered
bob1 answers after 100 with 486
bob2 answers after 500
bob3 never answers
at 0 alice invites sip:bob@ims.example
at 2000 alice hangs up
expect at alice no 486
expect at alice 1 200 to INVITE
expect at bob1 no CANCEL
expect at bob2 no CANCEL
expect at bob3 1 CANCEL with Reason contains "cause=200"
expect session ended caller-hung-up
expect nothing left
