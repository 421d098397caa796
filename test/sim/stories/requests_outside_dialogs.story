# @req RF-3 RF-5 RF-9c
story BYE, UPDATE and ACK without a dialog: 481, 481 and silence
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice sends BYE to sip:bob@ims.example
at 100 alice sends UPDATE to sip:bob@ims.example
at 200 alice throws "ACK sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: q\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
expect at alice 481 to BYE
expect at alice 481 to UPDATE
expect at bob no message
expect nothing left
