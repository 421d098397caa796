# @req SC-12 TX-7
story the callee is busy
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never rings
bob answers after 100 with 486
at 0 alice invites sip:bob@ims.example
expect call alice failed 486
expect at bob 1 ACK
expect session ended rejected 486
expect nothing left
