# @req SC-0 RC-18 RF-10
story no provisional response has come yet: the CANCEL waits for it
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 700
bob never answers
delay 100 from bob to server by 500
at 0 alice invites sip:bob@ims.example
at 200 operator releases all reason 503
expect toward bob no CANCEL sent-before 510
expect at bob 1 CANCEL sent-after 510
expect call alice failed 503
expect session ended released
expect nothing left
