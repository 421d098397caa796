# @req RC-1 RC-16 RC-22
story the caller's BYE was forwarded just before the order came: the session ends once
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 alice hangs up
at 2060 operator releases all
expect at bob 1 BYE with cseq is 2
expect nothing left
