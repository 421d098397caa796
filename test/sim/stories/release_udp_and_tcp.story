# @req SC-1 SC-2 TP-8
story one party behind datagrams, the other behind a stream
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 tcp registered
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INFO
at 2000 operator releases all
expect at bob 1 BYE with cseq is 2
expect at alice 1 BYE with cseq is 702
expect session ended released
expect nothing left
