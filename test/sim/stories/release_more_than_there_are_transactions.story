# @req TX-9 SC-5 OP-3
story more sessions are released at once than there are transactions: all of them are released all the same
node domain=ims.example transactions-max=8 pace=1000
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 20 every 40000
at 900000 operator releases all
at 960000 expect release found 20 begun 20 ended 20 2xx 40 running 0
expect at bob 20 BYE
expect at alice 20 BYE
expect nothing left
without ladder
