# @req RF-7 RC-11 SC-5 SC-5a T17
story 481 to a BYE of the release ends the dialog as a 2xx does
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 481
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 1500 expect session ended released
expect leg called answered 481
expect leg calling answered 200
expect release 2xx 1 481 1 ended 1 running 0
expect at bob 1 BYE
