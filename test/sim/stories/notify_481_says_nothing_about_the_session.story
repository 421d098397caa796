# @req RF-18 RC-11
story a 481 to a NOTIFY ends a subscription, not the session
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice answers NOTIFY with 481
at 0 alice invites sip:bob@ims.example
at 1000 bob sends MESSAGE
at 2000 expect session confirmed
at 3000 alice hangs up
expect session ended caller-hung-up
expect nothing left
