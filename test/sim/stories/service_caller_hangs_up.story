# @req IC-1 IC-2 IC-4 IC-5 IC-15 SC-9
story a call through a proxy of the caller's and a B2BUA of the callee's; the caller hangs up
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on INVITE case term-reg server b1
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 1200 bob sends INVITE
at 2000 alice hangs up
expect at a1 1 INVITE with P-Served-User contains "sip:alice@ims.example" with cseq is 1
expect at b1 1 INVITE with P-Served-User contains "sescase=term" with cseq is 1
expect at a1 1 BYE
expect at b1 1 BYE
expect at bob 1 BYE
expect at alice no BYE
expect session ended caller-hung-up
expect nothing left
