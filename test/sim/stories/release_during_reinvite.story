# @req RC-3 RC-20
story a re-INVITE is unanswered when the release comes
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob delays INVITE by 3000 skip 1
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INVITE
at 2000 operator releases all
expect at bob 1 BYE with cseq is 3
expect at alice 487 to INVITE
expect at bob 2 ACK
expect session ended released
expect nothing left
