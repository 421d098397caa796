# @req SC-1 SC-2 OP-1
story one session of two is released
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example call one
at 100 alice invites sip:bob@ims.example call two
at 2000 operator releases session-of alice call one
at 5000 expect session confirmed of alice call two
at 6000 operator releases session-of alice call one is ended
at 7000 alice hangs up call two
expect session ended released of alice call one
expect session ended caller-hung-up of alice call two
expect at bob 2 BYE
expect nothing left
