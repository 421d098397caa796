# @req IC-7 SC-3 SC-3c
story the same B2BUA serves both users
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server s1 at 127.0.0.10:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server s1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server s1
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at s1 2 INVITE
expect at alice 1 BYE
expect at bob 1 BYE
expect session ended released
expect nothing left
