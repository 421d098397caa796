# @req RC-9 RC-18 PX-12
story it rings for ever: Timer C cancels
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never answers
at 0 alice invites sip:bob@ims.example
expect toward bob no CANCEL sent-before 180000
expect at bob 1 CANCEL
expect call alice failed
expect session ended no-answer
expect nothing left
