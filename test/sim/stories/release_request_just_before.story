# @req RC-10 RC-10b
story a request forwarded just before the order: the BYE is one above it
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 alice sends INFO
at 2060 operator releases all
expect at bob 1 INFO with cseq is 2
expect at bob 1 BYE with cseq is 3
expect nothing left
