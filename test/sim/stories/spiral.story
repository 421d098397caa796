# @req PX-3
story a request passes this server twice with another Request-URI: a spiral, and allowed
node domain=ims.example route=other.example>127.0.0.1:7001
relay outside at 127.0.0.1:7001
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice sends MESSAGE to sip:bob@ims.example
at 1000 alice invites sip:bob@ims.example header "Route: <sip:127.0.0.1:7001;lr>"
at 3000 alice hangs up
expect at bob 1 MESSAGE
expect call alice over
expect nothing left
