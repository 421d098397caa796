# @req TX-9
story no transaction is left: 503 with Retry-After
node domain=ims.example transactions-max=4
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never answers
at 0 alice invites sip:bob@ims.example times 6 every 10
at 2000 operator releases all
expect at alice 503 to INVITE with Retry-After is 10
expect counter full above 0
expect nothing left
