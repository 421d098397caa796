# @req RF-7 RF-7c T17
story 503 to a BYE: done, nothing else to try
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 503
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 1500 expect session ended released
expect leg called answered 503
expect at bob 1 BYE
