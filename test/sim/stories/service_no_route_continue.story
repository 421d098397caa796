# @req IC-8 IC-9
story no route leads to the caller's server, default handling: continue
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default continue server sip:as.nowhere.example;lr
at 10 alice invites sip:bob@ims.example
expect at bob 1 INVITE
at 10000 alice hangs up
expect session ended caller-hung-up
expect nothing left
