# @req SC-12 SC-9 PX-9 RF-9c
story a call, ended by the caller
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 5000 alice hangs up
expect at bob 1 BYE with cseq is 2
expect at alice 1 200 to BYE
expect at alice 180
expect session ended caller-hung-up
expect nothing left
