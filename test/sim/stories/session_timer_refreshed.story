# @req SC-9 RF-13
story a re-INVITE starts the session timer anew
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob answers after 100 session-expires 90
at 0 alice invites sip:bob@ims.example session-expires 90
at 60000 alice sends INVITE header "Supported: timer" header "Session-Expires: 90"
at 148000 expect session confirmed
at 152000 expect session ended session-timer
at 160000 alice hangs up
expect at bob no BYE
expect counter REFRESHED above 0
