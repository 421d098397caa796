# @req SC-12 RG-7
story a stranger may call our users, but may neither register nor use us as a relay
node domain=ims.example untrusted=all route=other.example>127.0.0.1:6009
ue mallory at 127.0.0.1:6008 as sip:mallory@other.example
ue bob at 127.0.0.1:6002 registered
at 0 mallory registers
at 1000 mallory invites sip:x@other.example call out
at 2000 mallory invites sip:bob@ims.example call in
at 3000 mallory hangs up call in
expect at mallory 403 to REGISTER
expect call mallory failed 403 call out
expect call mallory over call in
expect toward 127.0.0.1:6009 no INVITE
expect counter not_trusted above 0
expect nothing left
