# @req IC-8 IC-12
story a server that said 183 may take longer than the wait for a silent one
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy late 20000 with 183
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
at 0 alice invites sip:bob@ims.example
at 25000 alice hangs up
expect at bob 1 INVITE sent-after 20000
expect session ended caller-hung-up
expect nothing left
