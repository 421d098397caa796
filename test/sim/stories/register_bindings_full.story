# @req RG-9
story the bound of bindings is reached: 503, and those there stay
node domain=ims.example bindings-max=1
ue bob at 127.0.0.1:6002
ue carol at 127.0.0.1:6003
at 0 bob registers
at 100 carol registers
at 1000 carol invites sip:bob@ims.example
at 2000 carol hangs up
expect at carol 503 to REGISTER
expect call carol over
until 100000
