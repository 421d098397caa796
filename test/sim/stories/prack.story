# @req RF-14 RF-14a
story reliable provisional responses and their PRACK pass
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
bob rings after 100 reliably with 183
bob answers after 500
lose PRACK from server to bob
at 0 alice invites sip:bob@ims.example reliably
at 3000 alice hangs up
expect at bob 1 PRACK with RAck contains "1 INVITE" with cseq is 2
expect at bob 1 BYE with cseq is 3
expect nothing left
