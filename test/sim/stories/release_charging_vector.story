# @req RF-19 SC-1 SC-2
story both BYEs carry the charging vector of the session
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example header "P-Charging-Vector: icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=\";orig-ioi=home1.example"
at 2000 operator releases all
expect at bob 1 BYE with P-Charging-Vector contains "AyretyU0dm+6O2IrT5tAFrbHLso="
expect at alice 1 BYE with P-Charging-Vector contains "AyretyU0dm+6O2IrT5tAFrbHLso="
expect nothing left
