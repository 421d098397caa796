# @req RF-7 RC-21 T17
story a party behind a stream is gone: its connection is refused
node domain=ims.example
ue alice at 127.0.0.1:6001 tcp registered
ue bob at 127.0.0.1:6002 tcp registered
at 0 alice invites sip:bob@ims.example
at 1000 expect session confirmed
at 1900 alice refuses
at 2000 operator releases all
at 2500 expect session ended released
expect leg calling transport-failed
expect leg called answered 200
