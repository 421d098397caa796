#!/usr/bin/env python3
"""Two baresip clients that register with Digest through a Kamailio as visited proxy, application servers in the path of their calls (a
record-routing Kamailio, a B2BUA), and the release of such a call by the operator and by de-registration."""

import hashlib
import os
import socket
from functools import partial

from baresip_peer import Baresip
from ims_peers import B2buaServer, ProxyingServer, VisitedProxy
from peers import PATIENCE_S, Adieu, Failure, Folder, Tap, expect, expect_equal, wait_until
from sip_text import Message, challenge_of, digest_response, new_branch, new_tag

DOMAIN, OTHER_DOMAIN = "ims.example", "other.example"
PASSWORDS = {"alice": "wonderland", "bob": "builder", "carol": "christmas", "dave": "diver"}
ORIGINATING, TERMINATING = 0, 1  # SessionCase, TS 29.228 annex F
KAMAILIO, B2BUA = ProxyingServer, B2buaServer


# ---------------------------------------------------------------- subscribers

def criterion(priority, session_case, server):
    """Every INVITE of this session case goes through the server; without it the session is ended (DefaultHandling 1)."""
    return f"""\
    <InitialFilterCriteria>
      <Priority>{priority}</Priority>
      <TriggerPoint>
        <ConditionTypeCNF>1</ConditionTypeCNF>
        <SPT><ConditionNegated>0</ConditionNegated><Group>0</Group><Method>INVITE</Method></SPT>
        <SPT><ConditionNegated>0</ConditionNegated><Group>1</Group><SessionCase>{session_case}</SessionCase></SPT>
      </TriggerPoint>
      <ApplicationServer>
        <ServerName>sip:127.0.0.1:{server.port}</ServerName>
        <DefaultHandling>1</DefaultHandling>
      </ApplicationServer>
    </InitialFilterCriteria>
"""


def subscription(user, domain, criteria):
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<IMSSubscription>
  <PrivateID>{user}@{domain}</PrivateID>
  <ServiceProfile>
    <PublicIdentity><Identity>sip:{user}@{domain}</Identity></PublicIdentity>
{"".join(criteria)}  </ServiceProfile>
</IMSSubscription>
"""


def md5_of(user, domain=DOMAIN):
    """baresip 1.0 gives up when any other algorithm is offered beside MD5, so its users have an MD5 hash and no password."""
    return hashlib.md5(f"{user}@{domain}:{domain}:{PASSWORDS[user]}".encode()).hexdigest()


def subscriber_folder(users, domain, criteria):
    folder = Folder()
    for user in users:
        folder.file(f"{user}.xml", subscription(user, domain, criteria.get(user, [])))
    credentials = folder.file("credentials.yaml", "".join(f"{u}@{domain}: {{md5: {md5_of(u, domain)}}}\n" for u in users))
    os.chmod(credentials, 0o600)
    return folder


# ---------------------------------------------------------------- the world

class World:
    """An S-CSCF, a visited proxy, the servers of alice (as calling) and of bob (as called) in order, clients as they are asked for.
    Two S-CSCFs: bob and dave live in another domain, with an S-CSCF and a visited proxy of their own."""

    def __init__(self, of_alice=(), of_bob=(), two_scscfs=False, **server_options):
        self.of_alice = [kind(**server_options) for kind in of_alice]
        self.of_bob = [kind(**server_options) for kind in of_bob]
        criteria = {"alice": [criterion(i, ORIGINATING, s) for i, s in enumerate(self.of_alice)],
                    "bob": [criterion(i, TERMINATING, s) for i, s in enumerate(self.of_bob)]}
        self.domains = {user: OTHER_DOMAIN if two_scscfs and user in ("bob", "dave") else DOMAIN for user in PASSWORDS}
        self.daemon = self.scscf(DOMAIN, criteria)
        self.others = self.scscf(OTHER_DOMAIN, criteria) if two_scscfs else self.daemon
        self.daemons = [self.daemon, self.others][:1 + two_scscfs]
        for daemon, other, domain in ((self.daemon, self.others, OTHER_DOMAIN), (self.others, self.daemon, DOMAIN))[:len(self.daemons)]:
            if two_scscfs:
                daemon.folder.file("adieu.yaml", daemon.yaml + f'routes: [{{domain: {domain}, next_hop: "udp:127.0.0.1:{other.port}"}}]\n')
            daemon.start()
        self.proxies = {daemon: VisitedProxy(daemon.port) for daemon in self.daemons}
        self.clients = []

    def scscf(self, domain, criteria):
        """Not started; at its end it does not wait for what a silent server has left."""
        users = [u for u, d in self.domains.items() if d == domain]
        folder = subscriber_folder(users, domain, criteria)
        daemon = Adieu(scscf=f"  subscribers: {folder.path}\n", more="drain: 0s\n", workers=2)
        daemon.subscribers = folder
        daemon.yaml = daemon.yaml.replace(f"domains: [{DOMAIN}]", f"domains: [{domain}]")
        daemon.folder.file("adieu.yaml", daemon.yaml)
        return daemon

    def proxy_of(self, user):
        return self.proxies[self.others if self.domains[user] == OTHER_DOMAIN else self.daemon]

    def client(self, user, password=None):
        domain = self.domains[user]
        client = Baresip(user, domain, self.proxy_of(user).port, f"{user}@{domain}", password or PASSWORDS[user])
        self.clients.append(client)
        return client

    def call(self, caller, callee):
        """Until the call stands; its session at the S-CSCF of the caller, and the Call-IDs at the two clients."""
        n = [len(d.json("sessions", "--state", "confirmed")["sessions"]) for d in self.daemons]
        before = len(caller.events), len(callee.events)
        caller.dial(callee.address)
        calls = caller.wait_established(before[0]), callee.wait_established(before[1])
        sessions = [d.wait_for_sessions(n[i] + 1) for i, d in enumerate(self.daemons)][0]
        expect(calls[0] in [s["call_id"] for s in sessions], f"no session has the Call-ID of the caller: {sessions}")
        return next(s for s in sessions if s["call_id"] == calls[0]), calls

    def wait_for_the_end(self):
        for daemon in self.daemons:
            wait_until(lambda d=daemon: d.gauges()["sessions"] == 0, "the end of the session")
            expect_equal(daemon.gauges()["dialogs"], 0, "dialogs left")

    def stop(self):
        """Every process is asked to end; exit status of the daemons."""
        for peer in (*self.clients, *self.proxies.values(), *self.of_alice, *self.of_bob):
            peer.kill()
        return [daemon.stop() for daemon in self.daemons]


def in_a_world(tap, name, test, *arguments, **options):
    def run():
        world = World(*arguments, **options)
        try:
            test(world)
        except Failure as why:
            ladders = [d.adieu("trace", "last")[1] for d in world.daemons if d.process.is_running()]
            raise Failure("\n".join([str(why), *ladders, *(d.process.text()[-2000:] for d in world.daemons)])) from None
        finally:
            statuses = world.stop()
        expect_equal(set(statuses), {0}, "exit statuses of the daemons")

    tap.case(name, run)


# ---------------------------------------------------------------- registration

def registered_with_digest_through_the_proxy(world):
    alice = world.client("alice").register()
    # One that is sent again, on a slow machine, has the same number.
    sent = list({next(h for h in r if h.startswith("CSeq:")): r for r in alice.requests_sent("REGISTER")}.values())
    expect_equal(len(sent), 2, "REGISTERs: one challenged, one with the answer")
    expect_equal([any(h.startswith("Authorization: Digest") for h in r) for r in sent], [False, True], "which of them has credentials")
    user = next(u for u in world.daemon.json("users")["users"] if u["user"] == alice.address)
    expect(f"sip:term@127.0.0.1:{world.proxy_of('alice').port}" in user["path"], f"Path of the visited proxy: {user}")
    for secret in (PASSWORDS["alice"], md5_of("alice"), "response="):
        expect(secret not in world.daemon.process.text(), "the log of the daemon has a credential")


def refused_with_a_wrong_password(world):
    alice = world.client("alice", "looking-glass").begin_registration()
    end = alice.wait_for_event("REGISTER_OK|REGISTER_FAIL")
    expect_equal(end["type"], "REGISTER_FAIL", "registration with a wrong password")
    contacts = [u for u in world.daemon.json("users")["users"] if u["user"] == alice.address and u.get("contact")]
    expect_equal(contacts, [], "contacts of alice")


# ---------------------------------------------------------------- release

def one_bye_each(alice, bob, calls):
    """Each client has seen one BYE for its dialog, with a Reason, and baresip says that the other side has closed the call."""
    for client, call in zip((alice, bob), calls):
        client.wait_closed(call)
        byes = wait_until(lambda c=client: c.requests_received("BYE"), f"the BYE in the trace of {client.user}")
        expect_equal(len(byes), 1, f"BYEs that {client.user} got")
        expect(any(h.startswith("Reason: SIP") for h in byes[0]), f"no Reason in the BYE to {client.user}: {byes[0]}")
        expect(f"Call-ID: {call}" in byes[0], f"Call-ID of the BYE to {client.user}: {byes[0]}")


def one_bye_from(server, side):
    """A server must have seen one BYE, on its way from this side of the call to the other; a B2BUA has made another one of it."""
    byes = server.wait_for_requests("BYE")
    expect_equal(len({(b["call"], b["cseq"]) for b in byes}), 1, f"BYEs at a server: {byes}")
    if isinstance(server, ProxyingServer):
        expect_equal(byes[0]["way"], {"calling": "downstream", "called": "upstream"}[side], "way of the BYE at a server")
    else:
        expect_equal(byes[0]["leg"], {"calling": "caller", "called": "callee"}[side], "leg of the BYE at a server")
        other = {"calling": "callee", "called": "caller"}[side]
        server.wait_for_line(f"^ANSWERED BYE leg={other} status=200")


def one_bye_of_the_served_side_each(world):
    """An S-CSCF that serves both: the server of either user has seen the BYE of its own user, and only that one (SC-3)."""
    for server in world.of_alice:
        one_bye_from(server, "calling")
    for server in world.of_bob:
        one_bye_from(server, "called")


def a_call(world):
    alice, bob = world.client("alice").register(), world.client("bob").register()
    session, calls = world.call(alice, bob)
    for server in (*world.of_alice, *world.of_bob):
        expect_equal(len(server.requests("INVITE")), 1, "INVITEs at each server")
    return alice, bob, session, calls


def release(daemon, *arguments):
    session = daemon.json("sessions")["sessions"][0]["id"]
    status, _, err = daemon.adieu("release", session, *arguments)
    expect_equal(status, 0, f"exit status of adieu release ({err})")
    return session


def released_by_the_operator(world):
    alice, bob, session, calls = a_call(world)
    expect_equal(release(world.daemon), session["id"], "the session released")
    world.wait_for_the_end()
    one_bye_each(alice, bob, calls)
    one_bye_of_the_served_side_each(world)
    ladder = world.daemon.adieu("trace", session["id"])[1]
    expect("5.4.5.1.2" in ladder, f"the ladder names no clause:\n{ladder}")


def released_by_the_scscf_of(side, world):
    """Two S-CSCFs: the BYE of the served side passes all servers between it and the other user (L9, L10)."""
    alice, bob, _, calls = a_call(world)
    release(world.daemon if side == "calling" else world.others)
    world.wait_for_the_end()
    one_bye_each(alice, bob, calls)
    for server in (*world.of_alice, *world.of_bob):
        one_bye_from(server, side)


def released_though_the_server_fails(world):
    """A server that answers its BYE with 481, or never: both clients are released all the same."""
    alice, bob, _, calls = a_call(world)
    release(world.daemon, "--no-wait")
    one_bye_each(alice, bob, calls)
    for server in (*world.of_alice, *world.of_bob):
        server.wait_for_requests("BYE")


def a_client_hangs_up(world):
    """The BYE of a party goes through every server, from one end to the other."""
    alice, bob, _, calls = a_call(world)
    bob.hang_up()
    alice.wait_closed(calls[0])
    expect_equal(len(wait_until(lambda: alice.requests_received("BYE"), "the BYE")), 1, "BYEs that alice got")
    world.wait_for_the_end()
    for server in (*world.of_alice, *world.of_bob):
        one_bye_from(server, "called")


# ---------------------------------------------------------------- de-registration

def deregister(client, proxy_port):
    """baresip hangs up before it de-registers, so what a client would send that does not is sent here: its REGISTER with expires=0, through the
    visited proxy, authenticated."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(PATIENCE_S)
        port, tag, call_id, uri = s.getsockname()[1], new_tag(), new_tag(), f"sip:{client.domain}"

        def ask(cseq, more=()):
            s.sendto(Message(f"REGISTER {uri} SIP/2.0", [
                ("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch={new_branch()};rport"), ("From", f"<{client.address}>;tag={tag}"),
                ("To", f"<{client.address}>"), ("Call-ID", call_id), ("CSeq", f"{cseq} REGISTER"), ("Max-Forwards", "70"),
                ("Contact", f"<{client.contact()}>;expires=0"), *more]).encode(), ("127.0.0.1", proxy_port))
            while True:
                answer = Message.parse(s.recv(65536))
                if answer.status >= 200 and answer.cseq == cseq:
                    return answer

        answer = ask(1)
        if answer.status == 401:
            challenge = challenge_of(answer.get("WWW-Authenticate"))
            response = digest_response(challenge, f"{client.user}@{client.domain}", PASSWORDS[client.user], "REGISTER", uri)
            answer = ask(2, [("Authorization", response)])
        expect_equal(answer.status, 200, f"answer to the de-registration of {client.user}")


def deregistration_releases_its_call_only(world):
    alice, bob, carol, dave = (world.client(u).register() for u in ("alice", "bob", "carol", "dave"))
    first, calls = world.call(alice, bob)
    other, _ = world.call(carol, dave)
    deregister(bob, world.proxy_of("bob").port)
    wait_until(lambda: world.daemon.gauges()["sessions"] == 1, "the end of bob's session")
    one_bye_each(alice, bob, calls)
    expect_equal([s["id"] for s in world.daemon.wait_for_sessions(1)], [other["id"]], "sessions left")
    for client in (carol, dave):
        expect_equal((client.requests_received("BYE"), client.events_of("CALL_CLOSED")), ([], []), f"the end of the call of {client.user}")
    one_bye_of_the_served_side_each(world)
    status, out, _ = world.daemon.adieu("why", first["id"])
    expect(status == 0 and "registration" in out, f"why it ended: {out}")


# ---------------------------------------------------------------- all of them

SERVERS = [
    ("no server", [], []),
    ("Kamailio serves alice, the B2BUA serves bob", [KAMAILIO], [B2BUA]),
    ("the B2BUA serves alice, Kamailio serves bob", [B2BUA], [KAMAILIO]),
    ("Kamailio serves both", [KAMAILIO], [KAMAILIO]),
    ("the B2BUA serves both", [B2BUA], [B2BUA]),
    ("Kamailio serves alice only", [KAMAILIO], []),
    ("the B2BUA serves bob only", [], [B2BUA]),
    ("both in a row serve alice", [KAMAILIO, B2BUA], []),
]


def main():
    tap = Tap()
    in_a_world(tap, "registered with Digest through the visited proxy", registered_with_digest_through_the_proxy)
    in_a_world(tap, "a wrong password is refused", refused_with_a_wrong_password)
    for name, *servers in SERVERS:
        in_a_world(tap, f"released by the operator: {name}", released_by_the_operator, *servers)
    for name, *servers in SERVERS[:3]:
        for side in ("calling", "called"):
            in_a_world(tap, f"released by the S-CSCF of the {side} user: {name}", partial(released_by_the_scscf_of, side), *servers,
                       two_scscfs=True)
    for how in ("481", "silent"):
        for kind, name in ((KAMAILIO, "Kamailio"), (B2BUA, "the B2BUA")):
            in_a_world(tap, f"released by the operator: {name} serves alice, {how} on BYE", released_though_the_server_fails, [kind], [],
                       on_bye=how)
    # The last takes seconds: a silent server's BYE is waited for.
    for how, kind, name in (("481", KAMAILIO, "Kamailio"), ("481", B2BUA, "the B2BUA"), ("silent", B2BUA, "the B2BUA")):
        in_a_world(tap, f"released by the S-CSCF of the calling user: {name} serves alice, {how} on BYE", released_though_the_server_fails,
                   [kind], [], on_bye=how, two_scscfs=True)
    for name, *servers in SERVERS[1:3]:
        in_a_world(tap, f"bob hangs up: {name}", a_client_hangs_up, *servers)
        in_a_world(tap, f"de-registration of bob releases his call only: {name}", deregistration_releases_its_call_only, *servers)
    tap.end()


if __name__ == "__main__":
    main()
