# @req SC-10
story the INVITE has no offer, the 2xx has
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example without-sdp
at 2000 alice hangs up
expect at bob 1 ACK with body contains "m=audio 49180"
expect nothing left
