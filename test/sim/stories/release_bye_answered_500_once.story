# @req RF-7 RC-10 RF-7b T17
story 500 to a BYE: one more with a higher CSeq after Retry-After
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers BYE times 1 with 500 header "Retry-After: 2"
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 2900 expect session releasing
expect at bob 2 BYE
expect at bob 1 BYE with cseq is 2
expect at bob 1 BYE with cseq is 3 sent-after 3000 sent-before 3100
expect leg called answered 200
expect counter BYE_RETRIED is 1
expect session ended released
expect nothing left
