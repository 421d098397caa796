# @req RF-12 PX-1 MP-10
story noise is met with silence, bad requests with 400 and 505, bad responses with silence; a call goes on
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
ue mallory at 127.0.0.1:6009 as sip:mallory@other.example
at 0 alice invites sip:bob@ims.example
at 1000 mallory throws "\r\n\r\n"
at 1010 mallory throws "hello"
at 1020 mallory throws "INVITE sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6009;branch=z9hG4bKm1\r\nFrom: <sip:m@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m1\r\nCSeq: one INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
at 1030 mallory throws "INVITE sip:bob@ims.example SIP/7.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6009;branch=z9hG4bKm2\r\nFrom: <sip:m@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m2\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
at 1040 mallory throws "INVITE sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6009;branch=z9hG4bKm3\r\nFrom: <sip:m@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m3\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 500\r\n\r\nshort"
at 1050 mallory throws "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnobody\r\nFrom: <sip:m@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: m4\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
at 1060 mallory throws "INVITE sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6009;branch=z9hG4bKm5\r\nFrom: <sip:m@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: m5\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
at 2000 alice hangs up
expect at mallory 505
expect at mallory 400
expect at mallory no 200
expect at mallory no message sent-before 1020
expect counter noise is 2
expect counter stray_responses is 1
expect session ended caller-hung-up
expect nothing left
