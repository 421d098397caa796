# @req IC-14
story a B2BUA's other dialog may belong to another worker: the session is one all the same
node domain=ims.example shards=4
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as b2bua
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example times 6 every 100
at 3000 operator releases all
expect at alice 6 BYE
expect at bob 6 BYE
expect nothing left
