# @req RF-10a RC-5
story a CANCEL without a transaction: 481
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice sends CANCEL to sip:bob@ims.example
expect at alice 481 to CANCEL
expect at bob no message
expect nothing left
