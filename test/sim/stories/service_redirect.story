# @req IC-12
story the callee's server redirects: the caller gets the 302
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server b1 at 127.0.0.20:7001 as redirect to sip:carol@ims.example
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
expect at bob no message
expect at alice 1 302 with Contact contains carol
expect session ended rejected 302
expect nothing left
