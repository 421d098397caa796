# @req SC-3 SC-3c
story one server of the caller, two of the callee: the BYEs come to where the two meet at different times
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as proxy
server b2 at 127.0.0.20:7002 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
criteria of sip:bob@ims.example priority 2 on INVITE case term-reg server b2
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at alice 1 BYE
expect at bob 1 BYE
expect at a1 1 BYE
expect at b1 1 BYE
expect at b2 1 BYE
expect session ended released
expect nothing left
