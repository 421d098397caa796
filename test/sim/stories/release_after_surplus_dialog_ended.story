# @req SC-13 SC-4
story the surplus dialog was ended by the caller: only the other one is released
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 answers after 300
bob2 answers after 302
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at alice 1 BYE
expect at bob1 1 BYE sent-after 1900
expect at bob2 1 BYE sent-before 1000
expect session ended released
expect nothing left
