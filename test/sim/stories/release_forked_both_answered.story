# @req SC-4 SC-13 RC-19 SC-10c T16
story two contacts answered and the caller keeps both dialogs: all of them are released
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 answers after 300
bob2 answers after 302
alice keeps surplus dialogs
at 0 alice invites sip:bob@ims.example
at 2000 operator releases all
expect at alice 2 200 to INVITE
expect at bob1 1 BYE with cseq is 2
expect at bob2 1 BYE with cseq is 2
expect at alice 2 BYE
expect leg called answered 200 dialog 1
expect leg called answered 200 dialog 2
expect release found 1 2xx 4
expect session ended released
expect nothing left
