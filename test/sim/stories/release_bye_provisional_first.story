# @req RF-8 RC-12
story a 100 to the BYE slows the retransmissions and nothing else
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 200 after 3000
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 5000 expect session ended released
expect leg called answered 200
expect counter retransmissions_out is 2
