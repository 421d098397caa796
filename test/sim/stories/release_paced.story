# @req SC-5 RC-16 OP-3
story 200 sessions at 50 in a second take four seconds
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 200 every 10
at 10000 operator releases all pace 50
at 11000 expect release running 1
at 13500 expect release running 1
at 14200 expect release running 0 found 200 ended 200 2xx 400
expect at bob 200 BYE
expect at alice 200 BYE
expect nothing left
without ladder
