# @req RF-7 RF-7b T17
story 500 to the second BYE as well: done
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 500
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 4000 expect session ended released
expect at bob 2 BYE
expect leg called answered 500
expect release other 1 2xx 1 ended 1
