# @req PX-1
story a Request-URI of a scheme that we do not serve: 416
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
at 0 alice throws "OPTIONS http://ims.example/ SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKp1\r\nFrom: <sip:alice@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: m1\r\nCSeq: 7 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
expect at alice 1 416 to OPTIONS
expect nothing left
