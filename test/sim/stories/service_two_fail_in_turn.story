# @req IC-8 IC-9
story the first server fails, the default handling goes on to the second, which stays in the path
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server a2 at 127.0.0.10:7002 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default continue server a1
criteria of sip:alice@ims.example priority 2 on INVITE case orig-reg default continue server a2
a1 answers INVITE with 500
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at a2 1 INVITE with P-Served-User is "<sip:alice@ims.example>;sescase=orig;regstate=reg"
expect at a2 1 BYE
expect at alice 1 BYE
expect at bob 1 BYE
expect session ended released
expect nothing left
