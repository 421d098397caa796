# @req RC-11 RF-5
story the callee has lost the dialog and says 481 to a re-INVITE
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers INVITE skip 1 with 481
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INVITE
at 2000 expect session ended lost
at 3000 bob hangs up
expect at bob 481 to BYE
