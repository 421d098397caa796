# @req RC-19 PX-13
story a 503 from one peer says nothing about this server: 500 upstream
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers after 100 with 503
at 0 alice invites sip:bob@ims.example
expect call alice failed 500
expect session ended rejected
expect nothing left
