"""What stands around an SCC AS: an S-CSCF (adieud or Kamailio), telephones, an MSC server and other parties, each a SIPp that does its next
step when it is told to, or a user agent of our own."""

import contextlib
import os
import re
import socket

from ims_peers import KamailioWith
from peers import PATIENCE_S, Adieu, Failure, Folder, Sipp, expect, expect_equal, free_port, wait_until
from sip_text import Message, address_uri, new_branch, new_tag, uri_address

HOST = "127.0.0.1"
STN_SR = "+4916000001"
ATU_STI = "sip:atu-sti@sccas.ims.example"
LOST_BEARER = "Reason: SIP;cause=503"
NO_REASON = "Subject: hang up"
# 64*T1 is three seconds: long enough for a slow machine, short enough to wait for what is left to end.
TIMERS = "timers: {t1: 50ms, t2: 200ms, t4: 250ms}\ntransport: {stream_above: 0}\ndrain: 0s\n"


def sdp(port, media="audio", direction="sendrecv"):
    return (f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm={media} {port} RTP/AVP 0\r\n"
            f"a=rtpmap:0 PCMU/8000\r\na={direction}\r\n").encode()


def media_port(message):
    """Of the first media line, or None."""
    found = re.search(rb"(?m)^m=\S+ (\d+)", message.body)
    return int(found[1]) if found else None


# ---------------------------------------------------------------- networks

def criterion(priority, session_case, port):
    return f"""\
    <InitialFilterCriteria>
      <Priority>{priority}</Priority>
      <TriggerPoint>
        <ConditionTypeCNF>1</ConditionTypeCNF>
        <SPT><ConditionNegated>0</ConditionNegated><Group>0</Group><Method>INVITE</Method></SPT>
        <SPT><ConditionNegated>0</ConditionNegated><Group>1</Group><SessionCase>{session_case}</SessionCase></SPT>
      </TriggerPoint>
      <ApplicationServer><ServerName>sip:{HOST}:{port}</ServerName><DefaultHandling>1</DefaultHandling></ApplicationServer>
    </InitialFilterCriteria>
"""


class User:
    """A served user; its telephone, when it is called, is at the port of its name."""

    def __init__(self, port):
        self.port = port
        self.private_identity = f"u{port}@ims.example"
        self.identity = f"sip:{self.private_identity}"
        self.c_msisdn = f"+49171{port:07d}"

    def subscription(self, sccas_port):
        """TS 29.228 annex E: INVITEs of both session cases go to the SCC AS."""
        return (f"<IMSSubscription><PrivateID>{self.private_identity}</PrivateID><ServiceProfile>\n"
                f"<PublicIdentity><Identity>{self.identity}</Identity></PublicIdentity>\n"
                f"{criterion(0, 0, sccas_port)}{criterion(1, 1, sccas_port)}</ServiceProfile></IMSSubscription>\n")


class Network:
    """An S-CSCF and the SCC AS. `scscf`: "adieu", the same daemon as the SCC AS; "second adieu"; "Kamailio"."""

    N_USERS = 80

    def __init__(self, scscf, workers=2, more="", **settings):
        self.scscf = scscf
        self.sccas_port = free_port()
        self.users = [User(free_port()) for _ in range(self.N_USERS)]
        self.free_users = iter(self.users)
        self.settings = settings
        self.more = more
        self.server = self.kamailio = None
        self.daemons = []
        if scscf == "adieu":
            self.server = self.adieu(workers, with_scscf=True, with_sccas=True)
            self.entry, self.of_msc = self.server.port, self.sccas_port
        else:
            self.server = self.adieu(workers, with_scscf=False, with_sccas=True)
        if scscf == "second adieu":
            self.entry, self.of_msc = self.adieu(workers, with_scscf=True, with_sccas=False).port, self.sccas_port
        for daemon in self.daemons:
            daemon.start()
        if scscf == "Kamailio":
            self.kamailio = KamailioWith("kamailio_scscf.cfg", self.sccas_port)
            self.entry = self.of_msc = self.kamailio.port

    def sccas_yaml(self):
        own = {"users": "sccas-users", "stn_sr": f'["{STN_SR}"]', "atu_sti": f'["{ATU_STI}"]', **self.settings}
        points = ", ".join(f'"{t}:{HOST}:{self.sccas_port}"' for t in ("udp", "tcp"))
        return f"sccas:\n  listen: [{points}]\n" + "".join(f"  {name}: {value}\n" for name, value in own.items())

    def adieu(self, workers, with_scscf, with_sccas):
        folder = Folder()
        for user in self.users if with_scscf else []:
            folder.file(f"{user.private_identity}.xml", user.subscription(self.sccas_port))
        bindings = "".join(f"{u.identity} <sip:{HOST}:{u.port}>\n" for u in self.users if with_scscf)
        daemon = Adieu(bindings=bindings, scscf=f"  subscribers: {folder.path}\n" if with_scscf else "", workers=workers)
        daemon.subscribers = folder
        daemon.base_yaml = daemon.yaml.replace("[ims.example]", "[ims.example]" if with_scscf else "[sccas.example]") + TIMERS + self.more
        daemon.folder.file("sccas-users", "".join(f"{u.c_msisdn} {u.private_identity} {u.identity}\n" for u in self.users))
        daemon.folder.file("adieu.yaml", daemon.base_yaml + (self.sccas_yaml() if with_sccas else ""))
        self.daemons.append(daemon)
        return daemon

    @contextlib.contextmanager
    def setting(self, **settings):
        """Other settings of the operator for the SCC AS, for a while and without a restart."""
        before = dict(self.settings)
        self.reload({**before, **settings})
        try:
            yield
        finally:
            self.reload(before)

    def reload(self, settings):
        self.settings = settings
        self.server.folder.file("adieu.yaml", self.server.base_yaml + self.sccas_yaml())
        status, _, err = self.server.adieu("reload")
        expect_equal(status, 0, f"exit status of adieu reload ({err})")

    def user(self):
        return next(self.free_users)

    def why(self, user, pattern):
        """What `adieu why` says of the sessions of a user, in which a line must say why."""

        def said():
            sessions = [s for more in ([], ["--ended"]) for s in self.server.json("sessions", "--limit", "0", *more)["sessions"]]
            ids = {s["id"] for s in sessions if user.private_identity in str(s) or user.c_msisdn in str(s)}
            texts = [self.server.adieu("why", session)[1] for session in sorted(ids)]
            found[:] = texts
            return next((line for text in texts for line in text.splitlines() if re.search(pattern, line)), None)

        found = []
        line = said()
        expect(line, f"no line of `adieu why` with {pattern!r}; it says:\n" + "\n".join(found))
        return line

    def no_session(self, user):
        """Until no session of this user is left."""
        wait_until(lambda: not any(user.private_identity in str(s) or user.c_msisdn in str(s)
                                   for d in self.daemons for s in d.json("sessions", "--limit", "0")["sessions"]),
                   f"the end of the sessions of {user.identity}")

    def nothing_left(self, patience_s=45):
        """Timer D alone takes 33 s, after an INVITE that was refused."""
        names = ("sessions", "dialogs", "server_transactions", "client_transactions", "timers")
        for daemon in self.daemons:
            wait_until(lambda d=daemon: not any(d.gauges()[n] for n in names), f"nothing left ({names})", patience_s)

    def ladders(self):
        """For a failure."""
        said = []
        for daemon in self.daemons:
            if daemon.process.is_running():
                for s in daemon.json("sessions", "--limit", "3")["sessions"] or daemon.json("sessions", "--ended", "--limit", "3")["sessions"]:
                    said += [daemon.adieu("trace", s["id"])[1], daemon.adieu("why", s["id"])[1]]
            said.append(daemon.process.text()[-1500:])
        return "\n".join(said)

    def release_all(self):
        """After a failure, so that the next test begins with nothing."""
        for daemon in self.daemons:
            if daemon.process.is_running():
                daemon.adieu("release", "--all", "--no-wait")

    def stop(self):
        if self.kamailio:
            self.kamailio.kill()
        return [daemon.stop() for daemon in self.daemons if daemon.process]


# ---------------------------------------------------------------- SIPp

class Party(Sipp):
    """A SIPp with one call. It does the next step when it gets an INFO or a MESSAGE with its Call-ID, from the test and not from its peer."""

    HEADING = re.compile(rb"UDP message (sent|received) [\[(](\d+)(?: bytes)?[\])](?: bytes)? ?:\n\n")

    def __init__(self, scenario, entry, port, bye_line=NO_REASON, **keys):
        keys["bye_line"] = bye_line
        super().__init__(scenario, f"{HOST}:{entry}", port, 1, trace=True,
                         more=[a for name, value in keys.items() for a in ("-key", name, value)])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.n_told = 0

    @classmethod
    def called(cls, port, entry, **keys):
        return cls("srvcc_is_called.xml", entry, port, **keys).wait_bound()

    @classmethod
    def calling(cls, entry, uri, who, route, port=None, **keys):
        return cls("srvcc_calls.xml", entry, port or free_port(), uri=uri, who=who, route=route, **keys)

    def text_of_record(self):
        if not os.path.exists(self.messages):
            return b""
        with open(self.messages, "rb") as f:
            return f.read()

    def record(self):
        """(whether it was sent, message), as far as they are written down, without those of the test."""
        text, found, at = self.text_of_record(), [], 0
        while heading := self.HEADING.search(text, at):
            at = heading.end() + int(heading[2])
            if at <= len(text):
                message = Message.parse(text[heading.end():at])
                if not message.get("X-Test"):
                    found.append((heading[1] == b"sent", message))
        return found

    def requests(self, method, sent=False):
        """Each of them once."""
        found = {}
        for was_sent, m in self.record():
            if m.is_request and m.method == method and was_sent == sent:
                found.setdefault((m.branch, m.cseq), m)
        return list(found.values())

    def responses(self, method, status, sent=False):
        """Each of them once."""
        found = {}
        for was_sent, m in self.record():
            if not m.is_request and m.method == method and m.status == status and was_sent == sent:
                found.setdefault((m.branch, m.cseq), m)
        return list(found.values())

    def wait_for(self, what, n=1, sent=False):
        """The n-th request ("BYE") or response ("200 INVITE") that it got."""
        status, _, method = what.rpartition(" ")

        def look():
            found = self.responses(method, int(status), sent) if status else self.requests(method, sent)
            return found[n - 1] if len(found) >= n else None

        try:
            return wait_until(lambda: look() or (not self.is_running() and (look() or "over")) or None, what)
        except Failure as why:
            raise Failure(f"{why} at {self.name()}") from None

    def name(self):
        flow = " | ".join(("> " if sent else "< ") + m.start + (f" [{m.cseq} {m.method}]" if not m.is_request else "")
                          for sent, m in self.record())
        return f"{os.path.basename(self.command[self.command.index('-sf') + 1])} port {self.port}: {flow}\n{self.report()}"

    def expect_message(self, what, n=1, sent=False):
        found = self.wait_for(what, n, sent)
        expect(isinstance(found, Message), f"no {what} number {n} at {self.name()}")
        return found

    def tell(self, method, about=None):
        """`about`: the request that its next answer is to, or that it is to withdraw."""
        about = about or self.record()[-1][1]
        self.n_told += 1
        mark = f"X-Test: {self.n_told}\r\n".encode()
        headers = about.copies("Via", "From", "To", "Call-ID", "CSeq") + [("X-Test", self.n_told)]
        message = Message(f"{method} sip:{HOST}:{self.port} SIP/2.0", headers)
        self.socket.sendto(message.encode(), (HOST, self.port))
        wait_until(lambda: mark in self.text_of_record() or not self.is_running(), f"{method} of the test at {self.name()}")

    def wait_idle(self):
        """Every final answer to an INVITE, of either side, has its ACK."""

        def is_idle():
            record = self.record()
            finals = {(not sent, m.cseq) for sent, m in record if not m.is_request and m.method == "INVITE" and m.status >= 200}
            return finals <= {(sent, m.cseq) for sent, m in record if m.is_request and m.method == "ACK"}

        wait_until(is_idle, f"the ACKs at {self.name()}")

    def hang_up(self):
        self.wait_idle()
        self.tell("INFO")

    def return_answered(self, status):
        """The answer to its re-INVITE, which the scenario gives the CSeq 10."""
        return wait_until(lambda: [m for m in self.responses("INVITE", status) if m.cseq == 10], f"{status} to the re-INVITE at {self.name()}")

    def come_back(self):
        """A re-INVITE, as the handover was cancelled."""
        self.wait_idle()
        self.tell("MESSAGE")

    def accept(self, n):
        """The n-th INVITE, a re-INVITE that was held until now."""
        self.tell("INFO", self.expect_message("INVITE", n))

    def withdraw(self, n):
        """The n-th INVITE, after its CANCEL: 487."""
        self.tell("INFO", self.requests("INVITE")[n - 1])

    def refuse(self, n):
        """488"""
        self.tell("MESSAGE", self.expect_message("INVITE", n))

    def cancel(self):
        self.tell("INFO", self.requests("INVITE", sent=True)[0])

    def is_over(self):
        """With every message as its scenario wants it."""
        status = self.wait()
        expect(status == 0, f"exit status {status}: {self.name()}")

    def byes(self):
        return len(self.requests("BYE"))


class Call:
    """A call that stands, of a served user that calls or is called; the legs of it as SIPps."""

    def __init__(self, network, served, bye_line=LOST_BEARER, user=None):
        self.network, self.user, self.served = network, user or network.user(), served
        self.parties = []
        entry = network.entry
        if served == "calling":
            self.remote = self.party(Party.called(free_port(), entry))
            self.ue = self.party(Party.calling(entry, f"sip:remote@{HOST}:{self.remote.port}", self.user.identity, f"sip:{HOST}:{entry};lr;orig",
                                               bye_line=bye_line))
        else:
            self.ue = self.party(Party.called(self.user.port, entry, bye_line=bye_line))
            self.remote = self.party(Party.calling(entry, self.user.identity, "sip:remote@far.example", f"sip:{HOST}:{entry};lr"))
        caller, callee = (self.ue, self.remote) if served == "calling" else (self.remote, self.ue)
        caller.expect_message("ACK", sent=True)
        callee.expect_message("ACK")
        self.n_remote_invites = 1 if served == "calling" else 0  # that the remote party has got

    def party(self, party):
        self.parties.append(party)
        return party

    def due_to_stn_sr(self, uri=f"tel:{STN_SR}"):
        """The MSC server, which has sent its INVITE."""
        network = self.network
        return self.party(Party.calling(network.of_msc, uri, f"tel:{self.user.c_msisdn}", f"sip:{HOST}:{network.of_msc};lr"))

    def remote_invite(self):
        """The next re-INVITE to the remote party, which waits for an answer."""
        self.n_remote_invites += 1
        return self.remote.expect_message("INVITE", self.n_remote_invites)

    def transfer(self):
        """From the INVITE due to STN-SR to its ACK; the MSC server."""
        msc = self.due_to_stn_sr()
        expect_equal(media_port(self.remote_invite()), msc.port, "media of the remote leg update")
        self.remote.accept(self.n_remote_invites)
        expect_equal(media_port(msc.expect_message("200 INVITE")), self.remote.port, "media in the answer to the MSC server")
        msc.expect_message("ACK", sent=True)
        return msc

    def lose_bearer(self):
        """The P-CSCF releases the source access leg, and gets its 200."""
        self.ue.hang_up()
        self.ue.is_over()

    def byes(self):
        """Those that the UE and the remote party got."""
        return self.ue.byes(), self.remote.byes()

    def kill(self):
        for party in self.parties:
            party.kill()


# ---------------------------------------------------------------- user agents of our own

class Agent:
    """A UDP port; what arrives is kept until it is asked for. A request that comes again is answered again."""

    def __init__(self, host=HOST, port=0):
        self.host = host
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.inbox, self.answers, self.sent_acks = [], {}, {}

    def send(self, data, port):
        self.socket.sendto(data, (HOST, port))

    def receive(self, wanted, what, patience_s=PATIENCE_S):
        """The first message that is wanted; the others stay for later."""
        while True:
            for i, message in enumerate(self.inbox):
                if wanted(message):
                    return self.inbox.pop(i)
            self.socket.settimeout(patience_s)
            try:
                data, source = self.socket.recvfrom(65536)
            except socket.timeout:
                raise Failure(f"{what}: not within {patience_s} s; it has {[m.start for m in self.inbox]}") from None
            self.take(Message.parse(data), source)

    def unasked(self):
        """Requests that have arrived and that nobody has asked for, ACKs aside."""
        self.socket.settimeout(0)
        try:
            while True:
                data, source = self.socket.recvfrom(65536)
                self.take(Message.parse(data), source)
        except BlockingIOError:
            return [m for m in self.inbox if m.is_request and m.method != "ACK"]

    def take(self, message, source):
        key = (message.branch, message.method)
        message.source = source
        if message.is_request:
            if key not in self.answers:
                self.answers[key] = None
                self.inbox.append(message)
            elif self.answers[key]:
                self.socket.sendto(self.answers[key], source)
        elif message.status >= 200 and key in self.sent_acks:
            self.send(*self.sent_acks[key])
        else:
            self.inbox.append(message)

    def answer(self, request, status, tag=None, body=b"", more=()):
        to = request.get("To")
        headers = request.copies("Via", "Record-Route", "From", "Call-ID", "CSeq")
        headers += [("To", to if ";tag=" in to or not tag else f"{to};tag={tag}"), ("Contact", f"<sip:{self.host}:{self.port}>"), *more]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        data = Message(f"SIP/2.0 {status} Answer", headers, body).encode()
        if status >= 200:
            self.answers[request.branch, request.method] = data
        self.socket.sendto(data, request.source)

    def invite(self, entry, uri, who, route, body=None, more=()):
        """Who: the identity it asserts, or None."""
        leg = Leg(self, f"{new_tag()}@{HOST}", f"<{who or 'sip:nobody@ims.example'}>;tag={new_tag()}", f"<{uri}>", uri, [f"<{route}>"], entry)
        asserted = [("P-Asserted-Identity", f"<{who}>")] if who else []
        leg.send("INVITE", body=sdp(self.port) if body is None else body, more=[*asserted, *more])
        return leg

    def called(self):
        """Until an INVITE comes; a leg that has not been answered."""
        invite = self.receive(lambda m: m.is_request and m.method == "INVITE" and ";tag=" not in m.get("To"), "an INVITE")
        leg = Leg(self, invite.get("Call-ID"), f"{invite.get('To')};tag={new_tag()}", invite.get("From"), address_uri(invite.get("Contact")),
                  invite.values("Record-Route"), None)
        leg.invited = invite
        return leg

    def statuses_until(self, legs, n):
        """(status, leg) of the first n final answers to the INVITEs of several legs; acknowledged."""
        found = []
        while len(found) < n:
            m = self.receive(lambda m: not m.is_request and m.status >= 200 and any(m.get("Call-ID") == leg.call_id for leg in legs),
                             f"{n} answers to INVITEs, of which there are {[s for s, _ in found]}")
            leg = next(leg for leg in legs if leg.call_id == m.get("Call-ID"))
            leg.acknowledge(m)
            found.append((m.status, leg))
        return found

    def close(self):
        self.socket.close()


class Leg:
    """A dialog of an agent, also before it is one."""

    def __init__(self, agent, call_id, own, peer, target, routes, entry):
        self.agent, self.call_id, self.own, self.peer, self.target, self.routes, self.entry = agent, call_id, own, peer, target, routes, entry
        self.cseq, self.last = 0, None

    def next_hop(self):
        return self.entry or uri_address(address_uri(self.routes[0]) if self.routes else self.target)[1]

    def send(self, method, body=b"", more=(), cseq=None, via=None):
        if cseq is None:
            self.cseq += 1
        address = f"{self.agent.host}:{self.agent.port}"
        headers = [("Via", via or f"SIP/2.0/UDP {address};branch={new_branch()}"), *(("Route", r) for r in self.routes), ("Max-Forwards", "70"),
                   ("From", self.own), ("To", self.peer), ("Call-ID", self.call_id), ("CSeq", f"{cseq or self.cseq} {method}"),
                   ("Contact", f"<sip:{address}>"), *more]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        message = Message(f"{method} {self.target} SIP/2.0", headers, body)
        self.agent.send(message.encode(), self.next_hop())
        if method not in ("ACK", "CANCEL"):
            self.last = message
        return message

    def response(self, method=None, provisional=False):
        """To the last request; an INVITE is acknowledged."""
        of = self.last
        m = self.agent.receive(lambda m: not m.is_request and m.get("Call-ID") == self.call_id and m.method == (method or of.method)
                               and (method or m.cseq == of.cseq) and (m.status >= 200 or provisional), f"a response to {method or of.start}")
        if m.method == "INVITE" and m.status >= 200:
            self.acknowledge(m)
        return m

    def confirmed_by(self, m):
        """A 2xx to its INVITE or re-INVITE: the dialog is what this says."""
        if self.entry:
            self.peer, self.routes, self.entry = m.get("To"), m.values("Record-Route")[::-1], None
        self.target = address_uri(m.get("Contact"))
        return self

    def early(self, m):
        """The dialog of a provisional response to its INVITE."""
        leg = Leg(self.agent, self.call_id, self.own, m.get("To"), address_uri(m.get("Contact")), m.values("Record-Route")[::-1], None)
        leg.cseq = self.cseq
        return leg

    def acknowledge(self, m):
        if m.status >= 300:
            headers = [("Via", self.last.get("Via")), *self.last.copies("Route", "From", "Call-ID"), ("To", m.get("To")), ("Max-Forwards", "70"),
                       ("CSeq", f"{m.cseq} ACK")]
            ack = Message(f"ACK {self.target} SIP/2.0", headers)
            self.agent.send(ack.encode(), self.next_hop())
        else:
            ack = self.confirmed_by(m).send("ACK", cseq=m.cseq)
        self.agent.sent_acks[m.branch, m.method] = (ack.encode(), self.next_hop())

    def cancel(self):
        return self.send("CANCEL", cseq=self.cseq, via=self.last.get("Via"))

    def ask(self, method, body=b"", more=()):
        """Sends, and status of the final response."""
        self.send(method, body, more)
        return self.response().status

    def expect_request(self, method):
        return self.agent.receive(lambda m: m.is_request and m.get("Call-ID") == self.call_id and m.method == method,
                                  f"{method} at port {self.agent.port}")

    def has(self, method):
        """Has such a request arrived that nobody asked for?"""
        return any(m.get("Call-ID") == self.call_id and m.method == method for m in self.agent.unasked())

    def answer(self, request, status, body=b"", more=()):
        self.agent.answer(request, status, self.own.rpartition("tag=")[2], body, more)

    def pick_up(self, body=None):
        """Answers the INVITE that made it, until the ACK."""
        self.answer(self.invited, 200, sdp(self.agent.port) if body is None else body)
        self.expect_request("ACK")
        return self

    def accept(self, status=200):
        """A re-INVITE, until its ACK; the re-INVITE."""
        request = self.expect_request("INVITE")
        self.answer(request, status, sdp(self.agent.port) if status < 300 else b"")
        self.expect_request("ACK")
        return request

    def expect_bye(self, status=200):
        request = self.expect_request("BYE")
        self.answer(request, status)
        return request


class Trio:
    """UE, remote party and MSC server of our own, and a call of the served user that stands."""

    def __init__(self, network, user=None, media="audio"):
        self.network, self.user = network, user or network.user()
        self.phone, self.far, self.msc = Agent(), Agent(), Agent()
        self.ue = self.phone.invite(network.entry, f"sip:remote@{HOST}:{self.far.port}", self.user.identity,
                                    f"sip:{HOST}:{network.entry};lr;orig", body=sdp(self.phone.port, media))
        self.remote = self.far.called()
        self.remote.answer(self.remote.invited, 200, sdp(self.far.port, media))
        expect_equal(self.ue.response().status, 200, "answer to the UE")
        self.remote.expect_request("ACK")

    def due_to_stn_sr(self, uri=f"tel:{STN_SR}", **more):
        return self.msc.invite(self.network.of_msc, uri, f"tel:{self.user.c_msisdn}", f"sip:{HOST}:{self.network.of_msc};lr", **more)

    def transfer(self):
        leg = self.due_to_stn_sr()
        self.remote.accept()
        expect_equal(leg.response().status, 200, "answer to the INVITE due to STN-SR")
        return leg

    def unasked(self):
        return [m.start for agent in (self.phone, self.far, self.msc) for m in agent.unasked()]

    def kill(self):
        for agent in (self.phone, self.far, self.msc):
            agent.close()
