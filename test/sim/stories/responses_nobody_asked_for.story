# @req RF-9b TP-9 PX-15
story responses without a transaction, or with a Via that is not ours: silence
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue mallory at 127.0.0.1:6009
at 0 mallory throws "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKy\r\nFrom: <sip:a@ims.example>;tag=1\r\nTo: <sip:b@ims.example>;tag=2\r\nCall-ID: r1\r\nCSeq: 1 INVITE\r\nContact: <sip:b@127.0.0.1:6009>\r\nContent-Length: 0\r\n\r\n"
at 10 mallory throws "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKy\r\nFrom: <sip:a@ims.example>;tag=1\r\nTo: <sip:b@ims.example>;tag=2\r\nCall-ID: r2\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
expect at alice no message
expect at mallory no message
expect counter stray_responses is 2
expect nothing left
