# @req SC-5 TX-9
story the bound of sessions is reached: 503 with Retry-After, and the others are unharmed
node domain=ims.example sessions-max=2 retry-after=9
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 2 every 10
at 1000 alice invites sip:bob@ims.example call third
at 2000 operator releases all
at 4000 alice invites sip:bob@ims.example call fourth
at 5000 alice hangs up call fourth
expect call alice failed 503 call third
expect at alice 1 503 to INVITE with Retry-After is 9
expect call alice over call fourth
expect release found 2 2xx 4
expect nothing left
