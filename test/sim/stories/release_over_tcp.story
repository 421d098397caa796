# @req SC-1 SC-2 TP-8
story both parties behind streams
node domain=ims.example
ue alice at 127.0.0.1:6001 tcp registered
ue bob at 127.0.0.1:6002 tcp registered
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at bob 1 BYE
expect at alice 1 BYE
expect session ended released
expect nothing left
