# @req RC-5 RF-10a
story a CANCEL crosses the 200: it has no effect, the caller acknowledges and says BYE
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 420 alice cancels
expect at alice 200 to INVITE
expect at alice 200 to CANCEL
expect at alice no 487
expect at bob 1 ACK
expect at bob 1 BYE
expect session ended caller-hung-up
expect nothing left
