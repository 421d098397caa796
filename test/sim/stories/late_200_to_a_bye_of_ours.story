# @req RC-T RC-12 RF-7
story the callee's answer comes when the release is long over: dropped
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob delays BYE by 60000
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 33200 expect session ended released
expect leg called timed-out
expect at alice no 200 to BYE
expect counter stray_responses above 0
expect nothing left
