# @req RF-7 RC-13 RF-7a T17
story a challenge to a BYE: the network has no credentials
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 401
alice answers BYE with 407
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 1500 expect session ended released
expect leg called answered 401
expect leg calling answered 407
expect at bob 1 BYE
expect at alice 1 BYE
expect release other 2 ended 1
