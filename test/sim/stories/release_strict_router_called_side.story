# @req SC-11 RF-1 RF-6 PX-8
story a strict router of RFC 2543 stands before the called user: Request-URI and Route are rewritten
node domain=ims.example
relay old at 127.0.0.1:7002 strict
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 to old registered path old
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 2000 operator releases all
expect at old 1 BYE from server with Request-URI is sip:127.0.0.1:7002 with Route is "<sip:bob@127.0.0.1:6002>"
expect at bob 1 BYE with Request-URI is sip:bob@127.0.0.1:6002 without Route with cseq is 3
expect session ended released
expect nothing left
