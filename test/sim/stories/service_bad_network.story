# @req SC-3
story loss and reordering while two servers stand in the path; the network releases
seed 11
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered unordered
ue bob at 127.0.0.1:6002 registered unordered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
link all delay 5 jitter 3 loss-permille 100 double-permille 50
at 0 alice invites sip:bob@ims.example
at 20000 operator releases all
expect session ended released
expect nothing left
