# @req RC-15
story a BYE comes again long after everything is over: 481
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
double BYE from alice to server by 40000
at 0 alice invites sip:bob@ims.example
at 1000 alice hangs up
expect at alice 1 200 to BYE
expect at alice 1 481 to BYE
expect at bob 1 BYE
expect nothing left
