story third-party REGISTER: the server hears of registration and de-registration
node domain=ims.example
subscriber sip:alice@ims.example
ue alice at 127.0.0.1:6001
server a1 at 127.0.0.10:7001 as proxy
criteria of sip:alice@ims.example priority 1 on REGISTER server a1
at 0 alice registers
at 5000 alice unregisters
expect at alice 2 200 to REGISTER
expect at a1 2 REGISTER
expect nothing left
