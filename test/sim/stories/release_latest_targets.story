# @req SC-10 SC-1 SC-2 RF-15 SC-10a
story both parties have moved by re-INVITE and UPDATE: the BYEs go where they are now
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INVITE contact sip:alice-2@127.0.0.1:6001
at 1500 bob sends UPDATE contact sip:bob-2@127.0.0.1:6002
at 2000 operator releases all
expect at alice 1 BYE with Request-URI is sip:alice-2@127.0.0.1:6001
expect at bob 1 BYE with Request-URI is sip:bob-2@127.0.0.1:6002
expect nothing left
