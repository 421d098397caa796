# @req IC-15
story a reliable provisional response is acknowledged through two proxies
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
bob rings after 100 reliably
bob answers after 1000
at 0 alice invites sip:bob@ims.example reliably
at 2000 operator releases all
expect at a1 1 PRACK
expect at b1 1 PRACK
expect session ended released
expect nothing left
