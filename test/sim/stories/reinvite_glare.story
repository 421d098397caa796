# @req RC-2 RF-21
story both parties send a re-INVITE at the same time
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 alice sends INVITE
at 2010 bob sends INVITE
at 5000 operator releases all
expect at alice 491 to INVITE
expect at bob 491 to INVITE
expect at bob 1 BYE with cseq is 3
expect at alice 1 BYE with cseq is 702
expect nothing left
