# @req SC-3b RC-8
story the answer is held by a server when the release comes: the passages before it give up, and what comes at last is acknowledged and ended
node domain=ims.example stream-above=0
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server a2 at 127.0.0.10:7002 as proxy
server b1 at 127.0.0.20:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:alice@ims.example priority 2 on INVITE case orig-reg server a2
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
bob answers after 500
delay 200 to INVITE from b1 to server times 20 by 60000
lose 180 from a2 to server
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
expect at alice 1 480 to INVITE
expect session ended released
expect nothing left
