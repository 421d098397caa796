# @req RF-13a RF-13
story an interval below 90 s: 422 with Min-SE to a caller that supports timers
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example session-expires 30
expect at alice 1 422 to INVITE with Min-SE is 90
expect at bob no INVITE
expect nothing left
