# @req IC-3 IC-5 SC-3
story the callee's server diverts to another user, who is served here too
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
subscriber sip:carol@ims.example
ue carol at 127.0.0.1:6003 registered
server b1 at 127.0.0.20:7001 as proxy diverts to sip:carol@ims.example
server b2 at 127.0.0.20:7002 as proxy
server c1 at 127.0.0.30:7001 as proxy
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
criteria of sip:bob@ims.example priority 2 on INVITE case orig-cdiv server b2
criteria of sip:carol@ims.example priority 1 on INVITE case term-reg server c1
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at bob no message
expect at b2 1 INVITE with P-Served-User contains orig-cdiv
expect at c1 1 INVITE with P-Served-User contains "sip:carol@ims.example"
expect at alice 1 BYE
expect at carol 1 BYE
expect session ended released
expect nothing left
