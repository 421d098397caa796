# @req RC-19 PX-10 PX-11
story all branches fail: a 6xx is best, and it cancels the others
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
ue bob3 at 127.0.0.1:6004 as sip:bob@ims.example registered
bob1 answers after 100 with 480
bob2 answers after 500 with 603
bob3 never answers
at 0 alice invites sip:bob@ims.example
expect at bob3 1 CANCEL
expect at alice no 480
expect call alice failed 603
expect session ended rejected 603
expect nothing left
