# @req RF-7 RC-11 SC-5a T17
story 408 to a BYE of the release ends the dialog
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice answers BYE with 408
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 1500 expect session ended released
expect leg calling answered 408
expect release 2xx 1 other 1 ended 1 running 0
