# @req IC-8
story a refusal by the server is a decision, not a fault: no default handling
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default continue server a1
a1 answers INVITE with 603
at 0 alice invites sip:bob@ims.example
expect at bob no message
expect call alice failed 603
expect session ended rejected 603
expect nothing left
