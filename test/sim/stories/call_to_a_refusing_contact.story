# @req RC-21 PX-13
story the callee's port is unreachable
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 bob refuses
at 100 alice invites sip:bob@ims.example
at 1000 expect call alice failed
expect session ended
expect nothing left
