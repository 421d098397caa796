# @req RC-16
story a session that begins after the order is left alone
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 10 every 10
at 2000 operator releases all pace 5
at 2500 alice invites sip:bob@ims.example call late
at 8000 expect session confirmed of alice call late
at 9000 alice hangs up call late
expect release found 10 ended 10 running 0
expect nothing left
without ladder
