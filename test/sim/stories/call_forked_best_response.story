# @req RC-19 PX-10
story 503 of one branch and 486 of the other: the lower class wins
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 answers after 100 with 503
bob2 answers after 500 with 486
at 0 alice invites sip:bob@ims.example
expect call alice failed 486
expect session ended rejected 486
expect nothing left
