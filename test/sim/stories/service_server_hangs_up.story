# @req IC-12
story a B2BUA ends both its dialogs by itself
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as b2bua
server b1 at 127.0.0.20:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
at 2000 a1 hangs up all
expect at alice 1 BYE
expect at bob 1 BYE
expect at b1 1 BYE
expect nothing left
