# @req IC-10 IC-11
story identity, served user and charging vector stay inside: the server sees them, the callee outside does not
node domain=ims.example trusted=127.0.0.0/24 route=other.example>127.0.9.2:6002
subscriber sip:alice@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.9.2:6002 as sip:bob@other.example
name other.example is bob
server a1 at 127.0.0.10:7001 as proxy
server a2 at 127.0.0.10:7002 as b2bua
criteria of sip:alice@ims.example priority 1 on INVITE server a1
criteria of sip:alice@ims.example priority 2 on INVITE server a2
at 0 alice invites sip:bob@other.example header "P-Asserted-Identity: <sip:alice@ims.example>"
at 2000 operator releases all
expect at a1 1 INVITE with P-Asserted-Identity contains alice with P-Charging-Vector contains icid-value
expect at a2 1 INVITE with P-Asserted-Identity contains alice with P-Served-User contains alice with P-Charging-Vector contains icid-value
expect at bob 1 INVITE without P-Asserted-Identity without P-Served-User without P-Charging-Vector
expect at bob 1 BYE without P-Charging-Vector
expect session ended released
expect nothing left
