# @req RC-20
story an INFO is unanswered when the release comes: it gets its final response all the same
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob delays INFO by 1500
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 2000 operator releases all
expect at bob 1 BYE with cseq is 3
expect at alice 1 481 to INFO
expect session ended released
expect nothing left
