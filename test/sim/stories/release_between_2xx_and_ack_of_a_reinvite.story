# @req RC-3 RC-20 RC-3a RF-9c
story the release comes between the 2xx of a re-INVITE and its ACK: the ACK still passes
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
link all delay 50
at 0 alice invites sip:bob@ims.example
at 2000 alice sends INVITE
at 2170 operator releases all
expect at bob 1 ACK with cseq is 2
expect at bob 1 BYE with cseq is 3
expect at alice 1 BYE
expect session ended released
expect nothing left
