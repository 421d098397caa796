# @req SC-1 SC-2 SC-11 RF-1 PX-8 T14
story record-routing relays on both sides: each BYE takes the way of its side
node domain=ims.example
relay pcscf1 at 127.0.0.1:7001
relay pcscf2 at 127.0.0.1:7002
ue alice at 127.0.0.1:6001 to pcscf1 registered path pcscf1
ue bob at 127.0.0.1:6002 to pcscf2 registered path pcscf2
at 0 alice invites sip:bob@ims.example
at 1000 expect session confirmed
at 2000 operator releases all reason 503
expect at pcscf1 1 BYE from server with Route is "<sip:127.0.0.1:7001;lr>" with Request-URI is sip:alice@127.0.0.1:6001
expect at pcscf2 1 BYE from server with Route is "<sip:127.0.0.1:7002;lr>" with Request-URI is sip:bob@127.0.0.1:6002 with cseq is 2
expect at alice 1 BYE without Route
expect at bob 1 BYE without Route
expect session ended released
expect nothing left
