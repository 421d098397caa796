# @req RC-7 RF-3 RC-7b L11 T20
story the ACK never comes: the caller's BYE goes out after 64*T1
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice never acknowledges
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
expect at bob 1 ACK
expect at bob 1 BYE
expect at alice no BYE sent-before 32300
expect at alice 1 BYE sent-after 32300 sent-before 33100
expect session ended released
expect nothing left
