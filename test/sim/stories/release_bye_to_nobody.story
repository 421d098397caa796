# @req RF-7 RC-12 T17
story both parties have vanished
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 900 alice goes away
at 900 bob goes away
at 1000 operator releases all
at 33100 expect session ended released
expect leg called timed-out
expect leg calling timed-out
expect release timed-out 2 ended 1
expect counter sessions is 0
