# @req RC-10 SC-8 RC-3a L15 T18
story a request of the impersonated user that crosses the injected BYE is answered 481 and not forwarded (L15)
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
at 2010 alice sends UPDATE
at 2020 bob sends INFO
expect at bob no UPDATE
expect at alice no INFO
expect at alice 481 to UPDATE
expect at bob 481 to INFO
expect at bob 1 BYE with cseq is 2
expect session ended released
expect nothing left
