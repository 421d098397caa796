# @req RF-8 RF-8a
story nobody answers a MESSAGE and an OPTIONS: the server stays silent too
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 bob goes away
at 100 alice sends MESSAGE to sip:bob@ims.example
at 100 alice sends OPTIONS to sip:bob@ims.example
expect at alice no 408
expect at alice no 503
expect at alice no message sent-after 5000
expect nothing left
