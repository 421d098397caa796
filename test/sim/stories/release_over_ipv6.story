# @req SC-1 SC-2 SC-11 TP-8
story both parties over IPv6
node at=[::1]:5060 domain=ims.example
ue alice at [::1]:6001 registered
ue bob at [::1]:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 bob sends INFO
at 2000 operator releases all
expect at bob 1 BYE with Request-URI is "sip:bob@[::1]:6002" with cseq is 2
expect at alice 1 BYE with Request-URI is "sip:alice@[::1]:6001" with cseq is 702
expect session ended released
expect nothing left
