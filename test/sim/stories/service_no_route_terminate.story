# @req IC-8 IC-9
story no route leads to the caller's server, default handling: terminate
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg default terminate server sip:as.nowhere.example;lr
at 10 alice invites sip:bob@ims.example
expect at bob 0 INVITE
expect at alice 1 408
expect session ended rejected 408
expect nothing left
