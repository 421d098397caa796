# @req SC-11 SC-12
story a call through relays of both sides, with requests in both directions
node domain=ims.example
relay pcscf1 at 127.0.0.1:7001
relay pcscf2 at 127.0.0.1:7002
ue alice at 127.0.0.1:6001 to pcscf1 registered path pcscf1
ue bob at 127.0.0.1:6002 to pcscf2 registered path pcscf2
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INVITE
at 2000 bob sends UPDATE
at 3000 bob sends INFO
at 4000 bob hangs up
expect at server 1 BYE from pcscf2
expect at alice 1 BYE from pcscf1 with Max-Forwards is 67
expect session ended callee-hung-up
expect nothing left
