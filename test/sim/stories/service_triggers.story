# @req IC-7
story criteria that are met and others that are not: method, header, Request-URI, session description, negation, either of two
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server a2 at 127.0.0.10:7002 as proxy
server a3 at 127.0.0.10:7003 as proxy
server a4 at 127.0.0.10:7004 as proxy
server a5 at 127.0.0.10:7005 as proxy
criteria of sip:alice@ims.example priority 5 on MESSAGE server a5
criteria of sip:alice@ims.example priority 4 on INVITE header Subject content urgent server a4
criteria of sip:alice@ims.example priority 3 on INVITE sdp m content "^audio" not header Subject content urgent server a3
criteria of sip:alice@ims.example priority 2 any on MESSAGE request-uri bob server a2
criteria of sip:alice@ims.example priority 1 on INVITE case term-reg server a1
at 0 alice invites sip:bob@ims.example call one
at 1000 alice hangs up
at 2000 alice invites sip:bob@ims.example call two header "Subject: urgent matters"
at 3000 alice hangs up
expect at a1 no message
expect at a2 2 INVITE
expect at a3 1 INVITE without Subject
expect at a4 1 INVITE with Subject contains urgent
expect at a5 no message
expect nothing left
