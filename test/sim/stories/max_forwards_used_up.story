# @req RF-1 PX-2
story Max-Forwards 0: 483
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example max-forwards 0
expect call alice failed 483
expect at bob no INVITE
expect counter too_many_hops is 1
expect nothing left
