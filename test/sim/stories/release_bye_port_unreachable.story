# @req RF-7 RC-21 SC-5a T17
story the datagram of a BYE is refused
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 900 bob refuses
at 1000 operator releases all
at 1500 expect session ended released
expect leg called transport-failed
expect leg calling answered 200
expect release 2xx 1 transport-failed 1 ended 1
expect counter byes_transport_failed is 1
