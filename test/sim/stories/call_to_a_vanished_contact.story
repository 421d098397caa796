# @req RC-18
story the callee's contact does not answer at all: 408 after Timer B
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 bob goes away
at 100 alice invites sip:bob@ims.example
expect call alice failed 408
expect toward bob 1 INVITE
expect at alice 100
expect session ended no-answer
expect nothing left
