# @req RC-7 RF-3 RC-7a RF-9c L11 T20
story answered, not yet acknowledged: ACK and BYE toward the callee, the caller's BYE after its ACK (L11)
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
alice acknowledges after 3000
bob answers after 300
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all
at 2000 expect session releasing
at 2000 expect leg calling waiting-for-ack
expect at bob 1 ACK sent-after 1000 sent-before 1001
expect at bob 1 BYE sent-after 1000 sent-before 1100 with cseq is 2
expect at alice 1 BYE sent-after 3000
expect leg calling answered 200
expect leg called answered 200
expect counter ACK_ABSORBED is 1
expect session ended released
expect nothing left
