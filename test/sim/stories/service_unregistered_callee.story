# @req IC-5 IC-7
story nobody is registered: the criteria of the unregistered part lead to a server that answers
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
server b1 at 127.0.0.20:7001 as answerer
server b2 at 127.0.0.20:7002 as answerer
criteria of sip:bob@ims.example priority 1 on INVITE registered server b2
criteria of sip:bob@ims.example priority 2 on INVITE case term-unreg server b1
at 0 alice invites sip:bob@ims.example
at 2000 alice hangs up
expect at b1 1 INVITE with P-Served-User contains "regstate=unreg"
expect at b2 no message
expect session ended caller-hung-up
expect nothing left
