# @req IC-12
story the callee's server answers itself and hangs up
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server b1 at 127.0.0.20:7001 as answerer
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
at 2000 b1 hangs up
expect at bob no message
expect at alice 1 BYE
expect session ended server-hung-up
expect nothing left
