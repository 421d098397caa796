# @req SC-1 SC-10 RC-10 RF-14 SC-10b RC-10f RF-14a RC-10a
story PRACK, UPDATE, INFO and a re-INVITE of the caller advance the CSeq of the first BYE; ACK does not
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100 reliably
bob answers after 400
at 0 alice invites sip:bob@ims.example reliably
at 200 alice sends UPDATE
at 1000 alice sends INFO
at 1500 alice sends INVITE
at 2000 operator releases all
expect at bob 1 PRACK with cseq is 2
expect at bob 1 UPDATE with cseq is 3
expect at bob 2 ACK
expect at bob 1 BYE with cseq is 6
expect nothing left
