# @req RC-5 RF-10
story the CANCEL was passed on, but the callee has answered before it came
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 330 alice cancels
expect at bob 1 CANCEL
expect at alice 200 to INVITE
expect at bob 1 ACK
expect at bob 1 BYE
expect session ended caller-hung-up
expect nothing left
