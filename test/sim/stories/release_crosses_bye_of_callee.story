# @req SC-8 RC-1 RC-16
story the callee's BYE crosses ours
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
at 2010 bob hangs up
expect at bob 1 BYE
expect at alice 1 BYE
expect at bob 481 to BYE
expect session ended released
expect nothing left
