# @req SC-0
story all branches are cancelled
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 never answers
bob2 never answers
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all reason 503
expect at bob1 1 CANCEL
expect at bob2 1 CANCEL
expect call alice failed 503
expect session ended released
expect nothing left
