# @req RF-12
story orders that cannot be: refused
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 operator releases all reason 200 is invalid
at 1000 operator releases all reason 700 is invalid
at 1000 operator releases all text "two\nlines" is invalid
at 2000 expect session confirmed
at 3000 alice hangs up
expect nothing left
