# @req SC-5 TX-9
story a draining server refuses new calls and serves the old ones
node domain=ims.example retry-after=7
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example call old
at 1000 operator drains
at 2000 alice invites sip:bob@ims.example call new
at 3000 alice sends INFO call old
at 4000 alice hangs up call old
expect call alice failed 503 call new
expect call alice over call old
expect at alice 1 503 to INVITE with Retry-After is 7
expect nothing left
