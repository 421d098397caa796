# @req SC-3b
story the caller's server vanishes during the call; the caller hangs up
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
at 0 alice invites sip:bob@ims.example
at 1000 a1 goes away
at 2000 alice hangs up
at 60000 operator releases all
expect at bob 1 BYE
expect at alice no BYE
expect nothing left
