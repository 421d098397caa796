# @req RC-16 SC-8 OP-3
story the same order twice at once: idempotent
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob delays BYE by 1000
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all order first
at 2100 operator releases all order second
expect release order first found 1 begun 1 ended 1
expect release order second already 1 begun 0 running 0
expect at bob 1 BYE
expect at alice 1 BYE
expect nothing left
