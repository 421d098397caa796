# @req IC-6 IC-8 IC-9
story a server keeps the request silently for too long; what it sends after the default handling has gone on is not believed
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default continue server a1
a1 delays INVITE by 10000
at 0 alice invites sip:bob@ims.example
at 12000 alice hangs up
expect at bob 1 INVITE sent-before 6000
expect session ended caller-hung-up
expect nothing left
