# @req RF-8 RF-8a
story an INFO is never answered: nobody says 408, and a late 100 is all
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob ignores INFO
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 40000 alice hangs up
expect at alice no 408
expect at bob 1 INFO
expect session ended caller-hung-up
expect nothing left
