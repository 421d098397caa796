# @req PX-14
story a user that has de-registered: 480
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002
at 0 bob registers
at 1000 bob unregisters
at 2000 alice invites sip:bob@ims.example
expect call alice failed 480
expect counter not_registered is 1
