# @req RC-6 RF-3
story the caller ends the early dialog with a BYE instead of a CANCEL
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never answers
at 0 alice invites sip:bob@ims.example
at 1000 alice hangs up early
expect at bob 1 BYE
expect call alice failed 487
expect nothing left
