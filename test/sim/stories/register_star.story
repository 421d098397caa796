# @req RG-2 RG-1
story Contact: * removes all bindings, but only alone and with Expires 0
node domain=ims.example
ue bob at 127.0.0.1:6002
at 0 bob registers
at 100 bob registers contact sip:bob@127.0.0.1:6003
at 1000 bob throws "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6002;branch=z9hG4bKs1\r\nFrom: <sip:bob@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: star\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: *\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n"
at 2000 expect counter bindings above 1
at 3000 bob throws "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6002;branch=z9hG4bKs2\r\nFrom: <sip:bob@ims.example>;tag=1\r\nTo: <sip:bob@ims.example>\r\nCall-ID: star\r\nCSeq: 2 REGISTER\r\nMax-Forwards: 70\r\nContact: *\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"
at 4000 bob invites sip:bob@ims.example
expect at bob 1 400 to REGISTER
expect at bob 1 200 to REGISTER without Contact
expect at bob 1 200 to REGISTER with Contact contains 6002 sent-after 90
expect at bob 480 to INVITE
until 10000
