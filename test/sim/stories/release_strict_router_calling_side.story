# @req SC-11 RF-1 RF-6
story a strict router of RFC 2543 stands before the calling user
node domain=ims.example
relay old at 127.0.0.1:7001 strict
ue alice at 127.0.0.1:6001 to old registered path old
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INFO
at 1500 alice sends INFO
at 2000 operator releases all
expect at old 1 BYE from server with Request-URI is sip:127.0.0.1:7001 with Route is "<sip:alice@127.0.0.1:6001>"
expect at alice 1 BYE with Request-URI is sip:alice@127.0.0.1:6001 without Route with cseq is 702
expect session ended released
expect nothing left
