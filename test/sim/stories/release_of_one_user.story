# @req SC-7 OP-2
story all sessions of one user are released, as caller and as called; the others go on
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
ue carol at 127.0.0.1:6003 registered
at 0 alice invites sip:bob@ims.example call ab
at 100 carol invites sip:alice@ims.example call ca
at 200 carol invites sip:bob@ims.example call cb
at 2000 operator releases user sip:alice@ims.example reason 480
at 5000 expect session confirmed of carol call cb
at 6000 carol hangs up call cb
expect release found 2 begun 2 ended 2 2xx 4
expect session ended released 480 of alice call ab
expect session ended released 480 of carol call ca
expect session ended caller-hung-up of carol call cb
expect nothing left
