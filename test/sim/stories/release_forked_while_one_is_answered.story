# @req SC-4 SC-0 L12
story one contact has answered, the CANCEL to the other one is under way when the release comes
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob1 at 127.0.0.1:6002 as sip:bob@ims.example registered
ue bob2 at 127.0.0.1:6003 as sip:bob@ims.example registered
bob1 answers after 300
bob2 answers after 340
delay CANCEL from server to bob2 by 300
alice keeps surplus dialogs
at 0 alice invites sip:bob@ims.example
at 330 operator releases all
expect at bob1 1 BYE
expect at bob2 1 BYE
expect at alice 2 BYE
expect session ended released
expect nothing left
