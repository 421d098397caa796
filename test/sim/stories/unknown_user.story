# @req PX-14
story a user that is not known here: 404
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
at 0 alice invites sip:nobody@ims.example
expect call alice failed 404
expect counter not_found is 1
expect nothing left
