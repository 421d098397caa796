# @req TP-3 TP-4 TP-5
story the response goes where the request came from, and says so in the Via
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
at 0 alice throws "OPTIONS sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:7777;branch=z9hG4bKv1;rport\r\nFrom: <sip:alice@ims.example>;tag=1\r\nTo: <sip:ims.example>\r\nCall-ID: v1\r\nCSeq: 7 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
expect at alice 1 200 to OPTIONS with Via contains "received=127.0.0.1" with Via contains "rport=6001"
expect nothing left
