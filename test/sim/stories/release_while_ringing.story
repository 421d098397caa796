# @req SC-0 RF-10 RF-12
story the network releases a session being established: CANCEL and a final response
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100
bob never answers
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all reason 480 text "gone"
expect at bob 1 CANCEL with Reason contains "cause=480" with cseq is 1
expect at bob no BYE
expect at alice 1 480 to INVITE
expect at alice no BYE
expect call alice failed 480
expect call bob failed 487
expect setup answered 480
expect session ended released 480
expect release found 1 begun 1 ended 1
expect nothing left
