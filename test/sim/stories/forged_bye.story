# @req RC-19 RF-5 PX-6a
story forged BYEs with wrong tags or a wrong Call-ID, handle included: 481, and the call goes on
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
ue mallory at 127.0.0.1:6009 as sip:mallory@other.example
at 0 alice invites sip:bob@ims.example
at 1000 mallory forges BYE of bob from-tag wrong
at 1100 mallory forges BYE of bob to-tag wrong
at 1200 mallory forges BYE of bob call-id wrong
at 1300 mallory forges ACK of bob to-tag wrong
at 2000 expect session confirmed
at 3000 alice hangs up
expect at mallory 481 to BYE
expect at alice no BYE
expect counter forged_handles above 0
expect session ended caller-hung-up
expect nothing left
