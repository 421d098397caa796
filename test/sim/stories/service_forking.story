# @req IC-12 SC-3c
story the callee's server forks: both requests come back to the same place of service control; the callee answers one
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server b1 at 127.0.0.20:7001 as forking into 2
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at server 2 INVITE from b1
expect at alice 1 BYE
expect at bob 1 BYE
expect at b1 1 BYE
expect session ended released
expect nothing left
