# @req SC-7 RF-19 RG-1 RG-5 RG-8 RF-19a
story a user registers through a relay (Path), is called, and its registration runs out
node domain=ims.example
relay pcscf at 127.0.0.1:7002
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 to pcscf
at 0 bob registers expires 600
at 1000 alice invites sip:bob@ims.example call first
at 2000 alice hangs up
at 599000 alice invites sip:bob@ims.example call second
at 599500 alice hangs up
at 601000 alice invites sip:bob@ims.example call third
expect at bob 200 to REGISTER with Contact contains "sip:bob@127.0.0.1:6002" with Path contains 7002
expect at pcscf 2 INVITE from server with Route is "<sip:127.0.0.1:7002;lr>"
expect call alice over call first
expect call alice over call second
expect call alice failed 480 call third
until 602000
