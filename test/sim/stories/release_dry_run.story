# @req SC-5 OP-5
story a dry run counts and sends nothing
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example times 3 every 10
at 2000 operator releases all dry-run
at 4000 expect release found 3 begun 0 running 0
at 4000 expect counter sessions_confirmed is 3
at 5000 alice hangs up all
expect at bob no BYE sent-before 4900
expect counter releases_ordered is 0
expect nothing left
