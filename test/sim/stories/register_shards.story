# @req SC-7 RG-1
story two shards: a registration is known on both, and calls of either shard find the user
node domain=ims.example shards=2
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002
at 0 bob registers
at 1000 alice invites sip:bob@ims.example times 8 every 100
at 5000 operator releases all
expect release found 8 2xx 16 ended 8 running 0
expect at bob 8 BYE
expect at alice 8 BYE
expect counter sessions is 0
expect counter client_transactions is 0
