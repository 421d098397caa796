# @req RC-18 RF-10
story a CANCEL comes before the callee has said anything: answered at once, passed on after the first provisional
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob never answers
delay 100 from bob to server by 600
delay 180 from bob to server by 600 times 2
at 0 alice invites sip:bob@ims.example
at 100 alice cancels rudely
expect toward bob no CANCEL sent-before 600
expect at bob 1 CANCEL sent-after 600
expect at alice 200 to CANCEL
expect call alice failed 487
expect nothing left
