# @req SC-1 SC-2 SC-3
story the network releases; only the calling user is served here
node domain=ims.example route=other.example>127.0.0.1:6002
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 as sip:bob@other.example
name other.example is bob
at 0 alice invites sip:bob@other.example
at 1000 expect session served calling
at 2000 operator releases all reason 480
expect at bob 1 BYE with cseq is 2 with Reason contains "cause=480"
expect at alice 1 BYE with Reason contains "cause=480"
expect counter FIRST_BYE_AS_RECEIVED is 1
expect counter SECOND_BYE_DIRECT is 1
expect counter FIRST_BYE_DIRECT is 0
expect counter SECOND_BYE_AS_RECEIVED is 0
expect session ended released 480
expect nothing left
