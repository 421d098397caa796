# @req SC-11 RF-1 RF-6 PX-5
story a strict router before the caller, and our Record-Route is doubled because the callee is behind a stream (RFC 5658)
node domain=ims.example
relay old at 127.0.0.1:7001 strict
ue alice at 127.0.0.1:6001 to old registered path old
ue bob at 127.0.0.1:6002 tcp registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 1500 bob sends INFO
at 2000 alice hangs up
expect at bob 1 ACK without Route
expect at bob 1 BYE without Route with cseq is 3
expect at alice 1 INFO
expect session ended caller-hung-up
expect nothing left
