# @req RF-1 PX-3
story a route that leads back to this server: 482
node domain=ims.example route=other.example>127.0.0.1:5060
ue alice at 127.0.0.1:6001 registered
at 0 alice invites sip:bob@other.example
expect call alice failed 482
expect counter loops is 1
expect nothing left
