# @req IC-12
story the caller gives up while a proxy and a B2BUA are in the path
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
bob never answers
at 0 alice invites sip:bob@ims.example
at 2000 alice cancels
expect at bob 1 CANCEL
expect call alice failed 487
expect session ended cancelled
expect nothing left
