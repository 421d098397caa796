# @req RF-6 SC-1 SC-2
story the callee is of RFC 2543 and gives no tag: its dialog is kept with an empty one, and released like any other
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob gives no tags
at 0 alice invites sip:bob@ims.example
at 1000 alice sends INFO
at 2000 operator releases all
expect at bob 1 BYE with cseq is 3
expect at bob 1 BYE with To is "<sip:bob@ims.example>"
expect at alice 1 BYE with From is "<sip:bob@ims.example>"
expect violation at alice "without a To tag"
expect violation at alice "without a From tag"
expect session ended released
expect nothing left
