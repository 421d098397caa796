# @req RC-7 RC-8 RC-8a L11 T20
story the 2xx carried the offer: our ACK rejects every stream of it
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice acknowledges after 3000
at 0 alice invites sip:bob@ims.example without-sdp
at 1000 operator releases all
expect at bob 1 ACK with body contains "m=audio 0 RTP/AVP" with Content-Type is application/sdp
expect at bob 1 BYE
expect session ended released
expect nothing left
