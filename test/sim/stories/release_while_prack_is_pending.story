# @req RC-20 RF-14
story release while an UPDATE of the early dialog is unanswered: everybody gets a final response
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100 reliably
bob never answers
bob delays UPDATE by 500
at 0 alice invites sip:bob@ims.example reliably
at 400 alice sends UPDATE
at 600 operator releases all reason 503
expect at bob 1 CANCEL
expect call alice failed 503
expect session ended released
expect nothing left
