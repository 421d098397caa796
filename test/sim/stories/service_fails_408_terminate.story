# @req IC-8 IC-9
story the caller's server fails (408), default handling: terminate
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default terminate server a1
a1 answers INVITE with 408
at 10 alice invites sip:bob@ims.example
expect at bob no message
expect call alice failed
expect nothing left
