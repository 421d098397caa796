# @req SC-2 RC-10 SC-2a RC-10c T15
story nothing was ever sent by the called user: the second BYE has a random CSeq in the valid range
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
expect at alice 1 BYE with cseq above 0 with cseq below 2147483648
expect at alice no BYE with cseq is 1
expect nothing left
