# @req SC-0 RC-18 RC-18a
story nothing ever comes from the called side: no CANCEL, and done at Timer B
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 bob goes away
at 100 alice invites sip:bob@ims.example
at 500 operator releases all reason 503
expect toward bob no CANCEL
expect call alice failed 503
expect session ended released
expect nothing left
