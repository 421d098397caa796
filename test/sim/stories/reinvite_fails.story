# @req SC-10
story a re-INVITE is refused: the session goes on
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice answers INVITE with 488 times 1
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INVITE
at 2000 expect session confirmed
at 3000 alice hangs up
expect at bob 488 to INVITE
expect session ended caller-hung-up
expect nothing left
