# @req RC-8 RC-8a L12 T20
story a 2xx with an offer crosses our CANCEL: the ACK rejects the offer
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers after 300
delay CANCEL from server to bob by 200
at 0 alice invites sip:bob@ims.example without-sdp
at 250 operator releases all reason 503
expect at bob 1 ACK with body contains "m=audio 0"
expect at bob 1 BYE
expect at alice 1 BYE
expect session ended released
expect nothing left
