# @req IC-8 IC-12
story a 100 Trying is a sign of life: a server may call back long after the wait for a silent one
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy late 10000
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default continue server a1
at 0 alice invites sip:bob@ims.example
at 12000 operator releases all
expect at a1 1 INVITE
expect at a1 1 BYE
expect at bob 1 INVITE sent-after 10000
expect at bob 1 BYE
expect session ended released
expect nothing left
