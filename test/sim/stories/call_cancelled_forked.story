# @req RF-10 RF-12 RF-10b RF-12a
story a CANCEL reaches all branches, with the caller's Reason
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 never answers
bob2 never answers
at 0 alice invites sip:bob@ims.example
at 1000 alice cancels header "Reason: SIP;cause=487"
expect at bob1 1 CANCEL with Reason contains "cause=487"
expect at bob2 1 CANCEL with Reason contains "cause=487"
expect at alice 1 487 to INVITE
expect call alice failed 487
expect session ended cancelled
expect nothing left
