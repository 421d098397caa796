# @req RC-17 RC-7
story while the server waits for the caller's ACK, its BYE comes: nothing more to wait for
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice never acknowledges
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 2000 alice hangs up
at 3000 expect session ended released
expect at alice 481 to BYE
expect at bob 1 BYE
expect nothing left
