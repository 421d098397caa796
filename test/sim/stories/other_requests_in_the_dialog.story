# @req RC-10 RF-18 SC-10 RC-10f
story OPTIONS, REFER, NOTIFY and MESSAGE in the dialog pass and count
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends OPTIONS
at 1100 alice sends REFER header "Refer-To: <sip:carol@ims.example>"
at 1200 bob sends NOTIFY header "Event: refer"
at 1300 bob sends MESSAGE
at 2000 operator releases all
expect at bob 1 BYE with cseq is 4
expect at alice 1 BYE with cseq is 703
expect nothing left
