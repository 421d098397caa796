# @req SC-2 SC-10 RC-10 SC-10b RC-10f
story the called user has sent INFO, UPDATE and a re-INVITE: the second BYE counts on from there
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INFO
at 1500 bob sends UPDATE
at 2000 bob sends INVITE
at 3000 operator releases all
expect at alice 1 BYE with cseq is 704
expect at bob 1 BYE with cseq is 2
expect nothing left
