# @req PX-6 PX-6a
story our Record-Route is in the requests that open a dialog, and only there
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 2000 alice sends MESSAGE to sip:bob@ims.example
at 3000 alice hangs up
expect at bob 1 INVITE with Record-Route contains ";lr;adieu="
expect at bob 1 INFO without Record-Route without Route
expect at bob 1 MESSAGE without Record-Route
expect nothing left
