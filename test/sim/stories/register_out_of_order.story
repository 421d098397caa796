# @req RG-3
story an older REGISTER of the same Call-ID changes nothing
node domain=ims.example
ue bob at 127.0.0.1:6002
delay REGISTER from bob to server by 200
at 0 bob unregisters
at 100 bob registers
at 1000 bob sends OPTIONS to sip:bob@ims.example
expect at bob 1 OPTIONS
expect at bob 500 to REGISTER
expect counter bindings is 1
until 10000
