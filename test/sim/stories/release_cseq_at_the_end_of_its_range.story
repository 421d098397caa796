# @req RC-10 RF-1 RC-10e
story the CSeq does not wrap around at 2^31
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO cseq 2147483646
at 2000 operator releases all
expect at bob 1 BYE with cseq is 2147483647
expect session ended released
expect nothing left
