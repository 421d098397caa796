# @req IC-1 SC-3
story each user has a server of its own network, with an application server; the caller's network releases
node called one at=127.0.0.1:5060 domain=one.example route=two.example>127.0.0.2:5060
subscriber sip:alice@one.example on one
subscriber sip:bob@two.example on two
node called two at=127.0.0.2:5060 domain=two.example
ue alice at 127.0.0.1:6001 as sip:alice@one.example to one registered on one
ue bob at 127.0.0.1:6002 as sip:bob@two.example to two registered on two
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@one.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@two.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@two.example
at 2000 operator releases all
expect at a1 1 BYE
expect at b1 1 BYE
expect at alice 1 BYE
expect at bob 1 BYE
expect session ended released on one
expect session ended caller-hung-up on two
expect nothing left
