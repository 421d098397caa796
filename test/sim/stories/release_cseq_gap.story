# @req RF-2 SC-1 RC-10 RC-10a
story the caller leaves a gap in its CSeq: the BYE is one above the highest
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO cseq 1000
at 2000 operator releases all
expect at bob 1 BYE with cseq is 1001
expect nothing left
