# @req RF-12c SC-12
story a Reason that nobody can read stops no release: it passes as it is
node domain=ims.example
ue alice at 127.0.0.1:6001 registered
ue bob at 127.0.0.1:6002 registered
at 0 alice invites sip:bob@ims.example
at 1000 alice sends BYE header "Reason: ;;=\"x" header "Reason: SIP;cause=;text"
expect at bob 1 BYE with Reason is ";;=\"x"
expect session ended caller-hung-up
expect nothing left
