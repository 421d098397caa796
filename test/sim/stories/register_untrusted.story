# @req RG-7
story a REGISTER from an address that is not trusted: 403
node domain=ims.example untrusted=all
ue bob at 127.0.0.1:6002
at 0 bob registers
expect at bob 403 to REGISTER
expect counter bindings is 0
