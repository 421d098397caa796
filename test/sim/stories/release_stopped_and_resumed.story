# @req RC-16 OP-3
story an order is stopped half way; given again it finds the rest and doubles nothing
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 20 every 10
at 2000 operator releases all pace 10 order first
at 3000 operator stops first
at 5000 expect release order first stopped 1 running 0
at 5000 expect counter sessions above 5
at 6000 operator releases all pace 10 order second
expect release order second running 0
expect at bob 20 BYE
expect at alice 20 BYE
expect counter releases_done is 20
expect nothing left
without ladder
