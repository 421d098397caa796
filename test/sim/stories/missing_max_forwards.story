# @req PX-7
story Max-Forwards is missing: 70 is added
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice throws "OPTIONS sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKp1\r\nFrom: <sip:alice@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: m1\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"
expect at bob 1 OPTIONS with Max-Forwards is 70
expect nothing left
