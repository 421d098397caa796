# @req SC-9 RF-13 SC-9a
story the session timer runs out: the dialog is forgotten without a BYE, later requests are answered 481
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers after 100 session-expires 90
at 0 alice invites sip:bob@ims.example session-expires 90
at 80000 expect session confirmed
at 92000 expect session ended session-timer
at 100000 alice hangs up
at 101000 bob hangs up
expect at alice no BYE
expect at bob no BYE
expect at alice 481 to BYE
expect counter sessions_expired is 1
expect counter sessions is 0
