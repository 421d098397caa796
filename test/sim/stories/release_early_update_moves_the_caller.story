# @req SC-10 RF-15 SC-10a RF-15a
story an UPDATE in the early dialog moves the caller
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100 reliably
bob answers after 600
at 0 alice invites sip:bob@ims.example reliably
at 300 alice sends UPDATE contact sip:alice-2@127.0.0.1:6001
at 2000 operator releases all
expect at alice 1 BYE with Request-URI is sip:alice-2@127.0.0.1:6001
expect nothing left
