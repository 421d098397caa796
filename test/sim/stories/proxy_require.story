# @req PX-4
story a Proxy-Require that we do not know: 420 with Unsupported
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example header "Proxy-Require: foo, bar"
expect at alice 1 420 to INVITE with Unsupported contains foo
expect at bob no message
expect nothing left
