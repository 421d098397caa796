# @req RF-7 T17
story a redirection of a BYE is not followed
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE with 302 header "Contact: <sip:x@127.0.0.1:6009>"
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 1500 expect session ended released
expect leg called answered 302
expect toward 127.0.0.1:6009 no BYE
