# @req RC-12 RF-7 SC-5
story a release over links that lose, double and reorder
seed 7
node domain=ims.example
ue alice at 127.0.0.1:6001 registered unordered
ue bob at 127.0.0.1:6002 registered unordered
link all delay 20 jitter 30 loss-permille 200 double-permille 100 reorder-permille 100 reorder-by 300
at 0 alice invites sip:bob@ims.example times 5 every 100
at 20000 operator releases all
expect nothing left
