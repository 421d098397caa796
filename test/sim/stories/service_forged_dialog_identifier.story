# @req IC-6
story somebody else guesses an original dialog identifier: the request begins nothing
node domain=ims.example trusted=127.0.0.0/24
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
ue mallory at 127.0.9.1:6009
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on INVITE case orig-reg server a1
bob never answers
at 0 alice invites sip:bob@ims.example
at 100 mallory invites sip:bob@ims.example header "Route: <sip:127.0.0.1:5060;lr;odi=0-1-1-0-0>"
at 1000 alice cancels
expect at a1 1 INVITE
expect at bob 1 INVITE
expect at mallory 1 481 to INVITE
expect nothing left
