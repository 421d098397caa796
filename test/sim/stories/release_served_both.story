# @req SC-1 SC-2 SC-3 SC-5 SC-6 RF-1 RF-7 OP-4 T14
story the network releases an established session; both users are served here
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 1000 expect session confirmed
at 1000 expect session served both
at 2000 operator releases all reason 503 text "maintenance"
expect at bob 1 BYE
expect at bob 1 BYE with Request-URI is sip:bob@127.0.0.1:6002 with cseq is 2
expect at bob 1 BYE with Reason contains "cause=503" with Reason contains "maintenance" with Max-Forwards is 70
expect at bob 1 BYE with Content-Length is 0
expect at alice 1 BYE
expect at alice 1 BYE with Request-URI is sip:alice@127.0.0.1:6001 with cseq above 0 with cseq below 2147483648
expect at alice 1 BYE with Reason contains "cause=503" with Reason contains "SIP"
expect session ended released 503
expect leg calling answered 200
expect leg called answered 200
expect release found 1 begun 1 ended 1 2xx 2 running 0
expect nothing left
