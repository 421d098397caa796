# @req RC-1
story both parties hang up at the same time
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 5000 alice hangs up
at 5000 bob hangs up
expect at alice 1 BYE
expect at bob 1 BYE
expect nothing left
