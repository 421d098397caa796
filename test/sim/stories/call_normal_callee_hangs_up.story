# @req SC-12 SC-9
story a call, ended by the called party
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 5000 bob hangs up
expect at alice 1 BYE with cseq is 701
expect session ended callee-hung-up
expect nothing left
