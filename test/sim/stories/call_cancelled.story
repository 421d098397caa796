# @req RF-10 RC-18 RF-10a RF-12a
story the caller gives up while it rings; its Reason goes along
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never answers
at 0 alice invites sip:bob@ims.example
at 1000 alice cancels header "Reason: SIP;cause=480;text=\"too long\""
expect at bob 1 CANCEL with Reason contains "too long"
expect at alice 200 to CANCEL
expect call alice failed 487
expect call bob failed 487
expect session ended cancelled
expect nothing left
