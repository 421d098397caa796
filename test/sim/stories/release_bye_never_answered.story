# @req RF-7 RC-12 SC-5a RC-T T17
story a BYE that is never answered: retransmitted until Timer F, then the session is gone all the same
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob ignores BYE
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 32900 expect session releasing
at 33100 expect session ended released
expect leg called timed-out
expect leg calling answered 200
expect release 2xx 1 timed-out 1 ended 1 running 0
expect counter retransmissions_out is 10
expect counter byes_timed_out is 1
expect counter sessions is 0
expect counter client_transactions is 0
