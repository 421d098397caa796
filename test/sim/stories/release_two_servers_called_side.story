# @req SC-3 SC-6 SC-12
story two S-CSCFs in the path; the one of the called user releases (L10)
node called scscf1 at=127.0.0.1:5061 domain=one.example route=two.example>127.0.0.1:5062
node called scscf2 at=127.0.0.1:5062 domain=two.example
ue alice at 127.0.0.1:6001 as sip:alice@one.example to scscf1 registered on scscf1
ue bob at 127.0.0.1:6002 as sip:bob@two.example to scscf2 registered on scscf2
at 0 alice invites sip:bob@two.example
at 2000 operator releases all reason 503 on scscf2
expect at bob 1 BYE from scscf2
expect at alice 1 BYE from scscf1 with Reason contains "cause=503"
expect at scscf1 1 BYE from scscf2
expect session ended released on scscf2
expect nothing left
