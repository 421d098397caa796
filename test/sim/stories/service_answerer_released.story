# @req IC-12 SC-3 SC-3c
story the callee's server answers itself (an announcement); the network releases
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as answerer
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at bob no message
expect at alice 1 BYE
expect at a1 1 BYE
expect at b1 1 BYE
expect session ended released
expect nothing left
