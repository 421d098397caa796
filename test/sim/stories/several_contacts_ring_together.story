# @req RG-6
story contacts with different q: all ring together
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example
bob1 answers after 500 with 486
bob2 answers after 800
at 0 bob1 throws "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6002;branch=z9hG4bKs1\r\nFrom: <sip:bob@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: q1\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:bob@127.0.0.1:6002>;q=0.9\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
at 10 bob2 throws "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6003;branch=z9hG4bKs2\r\nFrom: <sip:bob@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: q2\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:bob@127.0.0.1:6003>;q=0.2\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
at 1000 alice invites sip:bob@ims.example
at 3000 alice hangs up
expect at bob1 1 INVITE sent-before 1100
expect at bob2 1 INVITE sent-before 1100
expect call alice over
until 100000
