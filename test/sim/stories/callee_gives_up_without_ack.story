# @req RF-11 RC-17
story the caller never acknowledges: the callee hangs up after 64*T1
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice never acknowledges
at 0 alice invites sip:bob@ims.example
expect at alice 1 BYE
expect session ended callee-hung-up
expect nothing left
