# @req RC-7 RC-17
story the ACK is lost on the last hop and the caller hangs up: the BYE ends the dialog
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
lose ACK from server to bob times 1
at 0 alice invites sip:bob@ims.example
at 300 alice hangs up
expect at bob 1 BYE
expect session ended caller-hung-up
expect nothing left
