# @req IC-2 IC-12
story the caller's server keeps the request for three seconds and says 183 meanwhile
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as b2bua late 3000 with 183
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
at 0 alice invites sip:bob@ims.example
at 5000 operator releases all
expect at alice 1 183
expect at bob 1 INVITE sent-after 3000
expect at alice 1 BYE
expect at bob 1 BYE
expect session ended released
expect nothing left
