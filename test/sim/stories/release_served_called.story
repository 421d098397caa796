# @req SC-1 SC-2 SC-3 SC-3a
story the network releases; only the called user is served here
node domain=ims.example
ue alice at 127.0.0.1:6001 as sip:alice@other.example
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 expect session served called
at 2000 operator releases all
expect at bob 1 BYE with cseq is 2
expect at alice 1 BYE
expect counter FIRST_BYE_DIRECT is 1
expect counter SECOND_BYE_AS_RECEIVED is 1
expect session ended released
expect nothing left
