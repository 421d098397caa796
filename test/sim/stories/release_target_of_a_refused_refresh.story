# @req SC-10
story a re-INVITE that is refused moves nobody
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers INVITE skip 1 with 488
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INVITE contact sip:alice-2@127.0.0.1:6001
at 2000 operator releases all
expect at alice 1 BYE with Request-URI is sip:alice@127.0.0.1:6001
expect nothing left
