# @req IC-13
story a request outside of dialogs passes the servers too
node domain=ims.example
subscriber sip:alice@ims.example
subscriber sip:bob@ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
server a1 at 127.0.0.10:7001 as proxy
server b1 at 127.0.0.20:7001 as b2bua
criteria of sip:alice@ims.example priority 1 on MESSAGE case orig-reg server a1
criteria of sip:bob@ims.example priority 1 on MESSAGE case term-reg server b1
at 0 alice sends MESSAGE to sip:bob@ims.example
expect at a1 1 MESSAGE
expect at b1 1 MESSAGE
expect at bob 1 MESSAGE
expect at alice 1 200 to MESSAGE
expect nothing left
