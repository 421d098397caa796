# @req RF-1
story a contact that leads back to the same address of record: an answer, and no storm
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002
at 0 bob registers contact sip:bob@ims.example
at 1000 alice invites sip:bob@ims.example
at 2000 expect call alice failed
expect nothing left
