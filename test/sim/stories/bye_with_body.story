# @req RC-14 MP-1
story a BYE with a body passes
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 2000 alice sends BYE with-sdp header "Reason: Q.850;cause=16" header "X-Unknown: kept"
expect at bob 1 BYE with body contains "m=audio" with Reason is "Q.850;cause=16" with X-Unknown is kept
expect session ended caller-hung-up
expect nothing left
