# @req MP-1 MP-2 PX-7
story unknown methods, header fields, parameters, folding and short names pass unchanged
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice throws "PING sip:bob@ims.example;x=y SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKp1\r\nMax-Forwards: 20\r\nf: <sip:alice@ims.example>;tag=1;odd=1\r\nt : \"Bob \\\" x\" <sip:bob@ims.example>;q=\"a,b\"\r\ni: unknown1\r\nCSeq: 7 PING\r\nX-Odd: one,\r\n two\r\nx-odd: three\r\nl: 3\r\n\r\nabc"
expect toward bob 1 message with X-Odd contains "two" with t is "\"Bob \\\" x\" <sip:bob@ims.example>;q=\"a,b\"" with Max-Forwards is 19 with body is abc
expect nothing left
