# @req RC-8 RF-9 RC-9 L12 T20
story a 2xx crosses our CANCEL: forwarded, acknowledged and released (L12)
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100
bob answers after 300
delay CANCEL from server to bob by 200
at 0 alice invites sip:bob@ims.example
at 250 operator releases all reason 503
expect at alice 503 to INVITE
expect at alice 200 to INVITE
expect at bob 1 CANCEL with Reason contains "cause=503"
expect at bob 1 ACK
expect at bob 1 BYE with cseq is 2 with Reason contains "cause=503"
expect at alice 1 BYE
expect session ended released
expect nothing left
