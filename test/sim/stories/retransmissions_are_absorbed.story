# @req RF-9 RC-15 RF-9a RF-9c
story lost and doubled messages in every place: each is sent once by the server's logic
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
lose 100 from bob to server
lose 180 from server to alice
lose 200 to INVITE from server to alice
lose ACK from server to bob
lose BYE from server to bob
lose 200 to BYE from server to alice
double INVITE from alice to server by 20
double 200 to INVITE from bob to server by 3 skip 1
double BYE from alice to server by 30
at 0 alice invites sip:bob@ims.example
at 10000 alice hangs up
expect toward bob 1 INVITE
expect toward bob 1 BYE
expect toward bob ACK
expect session ended caller-hung-up
expect nothing left
