# @req RF-19 RG-4
story an expiry below the minimum: 423 with Min-Expires
node domain=ims.example register-min=300
ue bob at 127.0.0.1:6002
at 0 bob registers expires 60
expect at bob 423 to REGISTER with Min-Expires is 300
expect counter bindings is 0
