# @req SC-11 RF-1
story two relays on the called side: the order of the route set
node domain=ims.example
relay edge at 127.0.0.1:7002 to 127.0.0.1:7003
relay inner at 127.0.0.1:7003
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 to edge registered path inner,edge
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INFO
at 2000 operator releases all
expect at inner 1 BYE from server
expect at edge 1 BYE from inner
expect at bob 1 BYE from edge
expect at alice 1 BYE with cseq is 702
expect session ended released
expect nothing left
