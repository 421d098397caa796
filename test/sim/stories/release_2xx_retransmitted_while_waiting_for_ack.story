# @req RC-7 RC-8 RC-8b
story a lost 200 of the network's making: the callee repeats its 2xx and gets the ACK again, not another BYE
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice acknowledges after 5000
lose ACK from server to bob
lose BYE from server to bob times 2
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
expect toward bob 1 BYE
expect at bob ACK
expect session ended released
expect nothing left
