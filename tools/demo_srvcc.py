"""The scene "srvcc": a telephone loses LTE in a call. Its P-CSCF says BYE with SIP;cause=503, and the MSC server's INVITE due to STN-SR is on its way: once it
comes in time, once it does not (TS 24.237 §12.3.3.2).

adieud is S-CSCF and SCC AS here. The parties are scripts that speak SIP over UDP: each step waits for the message before it, none for a time."""

import os
import re
import secrets
import socket
import time

from demo import PATIENCE_S, ROOT, Demo, expect, free_port, heading, say, wait_until

HOST = "127.0.0.1"
WINDOW_S = 2  # so that nobody has to wait; the default is 8 s
STN_SR = "+4916000001"
NUMBER_OF_ALICE = "+491711000001"
LOST_BEARER = 'Reason: SIP;cause=503;text="Service Unavailable"'
PROFILE = """\
<IMSSubscription>
  <PrivateID>alice@ims.example</PrivateID>
  <ServiceProfile>
    <PublicIdentity><Identity>sip:alice@ims.example</Identity></PublicIdentity>
    <InitialFilterCriteria>
      <Priority>0</Priority>
      <TriggerPoint>
        <ConditionTypeCNF>1</ConditionTypeCNF>
        <SPT><ConditionNegated>0</ConditionNegated><Group>0</Group><Method>INVITE</Method></SPT>
        <SPT><ConditionNegated>0</ConditionNegated><Group>1</Group><SessionCase>0</SessionCase></SPT>
      </TriggerPoint>
      <ApplicationServer><ServerName>sip:{host}:{port}</ServerName><DefaultHandling>1</DefaultHandling></ApplicationServer>
    </InitialFilterCriteria>
  </ServiceProfile>
</IMSSubscription>
"""
PROFILE_OF_BOB = """\
<IMSSubscription>
  <PrivateID>bob@ims.example</PrivateID>
  <ServiceProfile><PublicIdentity><Identity>sip:bob@ims.example</Identity></PublicIdentity></ServiceProfile>
</IMSSubscription>
"""


# ---------------------------------------------------------------- SIP, as much as is needed

class Message:
    def __init__(self, data):
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.is_response = self.first.startswith("SIP/2.0 ")
        self.what = self.first.split()[1] if self.is_response else self.first.split()[0]  # "200", "BYE"

    def all(self, name):
        return [value for n, value in self.fields if n == name]

    def one(self, name):
        return next(iter(self.all(name)), "")

    def uri_of_contact(self):
        found = re.search("<([^>]+)>", self.one("contact"))
        return found[1] if found else ""

    def method(self):
        return self.one("cseq").split()[-1]

    def media_port(self):
        found = re.search(r"(?m)^m=audio (\d+)", self.body)
        return int(found[1]) if found else None


class Party:
    """One end of one call: a telephone with its P-CSCF, the other party, or an MSC server."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.seen = set()  # what is sent again is not news

    def calls(self, server_port, uri, identity, headers):
        """Sends the INVITE."""
        self.server_port, self.target, self.routes = server_port, uri, []
        self.call_id, self.cseq = secrets.token_hex(8), 0
        self.local, self.remote = f"<{identity}>;tag={secrets.token_hex(4)}", f"<{uri}>"
        self.request("INVITE", *headers, media=True)

    def request(self, method, *headers, media=False):
        if method == "ACK":
            number = self.invited
        else:
            self.cseq += 1
            number = self.cseq
        if method == "INVITE":
            self.invited = number
        self.send(f"{method} {self.target} SIP/2.0", [
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)}", "Max-Forwards: 70",
            *(f"Route: {route}" for route in self.routes), f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}", *headers], media)

    def answer(self, request, status, media=False):
        to = request.one("to")
        if ";tag=" not in to:  # it makes the dialog
            to += f";tag={secrets.token_hex(4)}"
            self.local, self.remote, self.call_id, self.cseq = to, request.one("from"), request.one("call-id"), 0
            self.routes = request.all("record-route")
        if request.uri_of_contact():
            self.target = request.uri_of_contact()
        self.send(f"SIP/2.0 {status}", [*(f"Via: {via}" for via in request.all("via")),
                                        *(f"Record-Route: {route}" for route in request.all("record-route")),
                                        f"From: {request.one('from')}", f"To: {to}", f"Call-ID: {request.one('call-id')}",
                                        f"CSeq: {request.one('cseq')}"], media)

    def send(self, first, lines, media):
        body = (f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {self.port} RTP/AVP 8\r\n" if media else "")
        lines = [first, *lines, f"Contact: <sip:{HOST}:{self.port}>", *(["Content-Type: application/sdp"] if media else []),
                 f"Content-Length: {len(body)}"]
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), (HOST, self.server_port))

    def receive(self, until):
        """The next message that is news; None when the time has come."""
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, source = self.socket.recvfrom(65535)
            except TimeoutError:
                break
            message = Message(data)
            key = (message.first, message.one("cseq"), message.one("via"))
            if key not in self.seen and message.what != "100":
                self.seen.add(key)
                self.server_port = source[1]
                return message
        return None

    def hears(self, what):
        message = self.receive(time.monotonic() + PATIENCE_S)
        expect(message, f"{self.name}: no {what} within {PATIENCE_S} s")
        expect(message.what == what, f"{self.name}: {what} should come, but this came: {message.first}")
        if message.is_response and message.method() == "INVITE" and what == "200":
            self.remote, self.target = message.one("to"), message.uri_of_contact()
            self.routes = list(reversed(message.all("record-route")))
        return message

    def hears_nothing(self, until):
        message = self.receive(until)
        expect(message is None, f"{self.name}: nothing should come, but this came: {message and message.first}")


# ---------------------------------------------------------------- the scene

class Srvcc(Demo):
    def start_daemon(self):
        heading("One daemon as S-CSCF and SCC AS; Alice's filter criterion sends her calls to the SCC AS, and the file of its users knows her number")
        self.port, self.sccas_port = free_port(), free_port()
        self.phone, self.bob, self.msc = Party("Alice's telephone"), Party("Bob"), Party("the MSC server")
        folder = os.path.join(self.folder, "subscribers")
        os.mkdir(folder)
        self.write("subscribers/alice.xml", PROFILE.format(host=HOST, port=self.sccas_port))
        self.write("subscribers/bob.xml", PROFILE_OF_BOB)
        self.write("bindings", f"sip:alice@ims.example <sip:{HOST}:{self.phone.port}>\nsip:bob@ims.example <sip:{HOST}:{self.bob.port}>\n")
        self.write("users.sccas", f"{NUMBER_OF_ALICE} alice@ims.example sip:alice@ims.example\n")
        say(f"    users.sccas: {NUMBER_OF_ALICE} alice@ims.example sip:alice@ims.example\n    sccas: stn_sr {STN_SR}, bye_hold {WINDOW_S}s")
        say(f"The window between BYE with SIP;cause=503 and INVITE is {WINDOW_S} s here, so that nobody has to wait; the default is 8 s.")
        self.start_adieud(self.write_configuration())

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def write_configuration(self):
        """etc/adieu.yaml with our ports and users, and the part about the SCC AS."""
        with open(os.path.join(ROOT, "etc", "adieu.yaml")) as default:
            text = default.read()
        for key, value in (("subscribers", "subscribers"), ("bindings", "bindings"), ("users", "users.sccas"), ("stn_sr", f'["{STN_SR}"]'),
                           ("bye_hold", f"{WINDOW_S}s"), ("source_release_delay", "1s")):
            text, n = re.subn(rf"(?m)^(  {key}:) +\S+", rf"\1 {value}", text, count=1)
            expect(n == 1, f"etc/adieu.yaml has no place for {key}")
        text = re.sub(r"(?m)^  listen: \[\]", f'  listen: ["udp:{HOST}:{self.sccas_port}", "tcp:{HOST}:{self.sccas_port}"]', text)
        return self.write("adieu.yaml", text.replace(":5060\n", f":{self.port}\n"))

    def make_call(self):
        """Alice calls Bob; the session of the SCC AS."""
        self.phone.calls(self.port, "sip:bob@ims.example", "sip:alice@ims.example",
                         [f"Route: <sip:{HOST}:{self.port};lr;orig>", "P-Asserted-Identity: <sip:alice@ims.example>"])
        self.bob.answer(self.bob.hears("INVITE"), "200 OK", media=True)
        self.phone.hears("200")
        self.phone.request("ACK")
        self.bob.hears("ACK")

        def anchored():
            return [s for s in self.json("sessions", "--state", "confirmed")["sessions"] if s["role"] == "SCC AS"]

        return wait_until(anchored, "the session of the SCC AS")[0]["id"]

    def lose_the_bearer(self):
        """The P-CSCF speaks for the telephone. Answered at once, whatever becomes of the call; since when."""
        self.phone.request("BYE", LOST_BEARER)
        self.phone.hears("200")
        return time.monotonic()

    def invite_due_to_stn_sr(self):
        self.msc.calls(self.sccas_port, f"tel:{STN_SR}", f"tel:{NUMBER_OF_ALICE}", [f"P-Asserted-Identity: <tel:{NUMBER_OF_ALICE}>"])

    def verdict(self, session):
        return self.json("why", session)["transfer"]

    def lose_the_race(self):
        heading(f"The race lost: BYE with SIP;cause=503, and no INVITE due to STN-SR within {WINDOW_S} s")
        session = self.make_call()
        since = self.lose_the_bearer()
        bye = self.bob.hears("BYE")
        held_s = time.monotonic() - since
        expect(WINDOW_S - 0.1 <= held_s <= WINDOW_S + 1, f"Bob was kept for {held_s:.3f} s instead of {WINDOW_S} s")
        expect("cause=503" in bye.one("reason"), f"Bob's BYE says {bye.one('reason')}")
        self.bob.answer(bye, "200 OK")
        self.invite_due_to_stn_sr()
        self.msc.hears("480")
        self.msc.request("ACK")
        transfer = self.verdict(session)
        expect(transfer["verdict"] == "window over", f"the race that should be lost: {transfer}")
        say(f"Bob heard BYE after {held_s:.3f} s; the MSC server's INVITE, which came after that, got 480.")
        return session

    def win_the_race(self):
        heading("The race won: BYE with SIP;cause=503, and the INVITE due to STN-SR comes inside the window")
        session = self.make_call()
        since = self.lose_the_bearer()
        wait_until(lambda: self.verdict(session).get("hold_left_ms", 0) < WINDOW_S * 300, "the last third of the window")
        self.invite_due_to_stn_sr()
        update = self.bob.hears("INVITE")
        expect(update.media_port() == self.msc.port, f"Bob is offered port {update.media_port()} instead of the MSC server's {self.msc.port}")
        self.bob.answer(update, "200 OK", media=True)
        self.bob.hears("ACK")
        accepted = self.msc.hears("200")
        expect(accepted.media_port() == self.bob.port, f"the MSC server is answered port {accepted.media_port()} instead of Bob's {self.bob.port}")
        self.msc.request("ACK")
        self.bob.hears_nothing(since + WINDOW_S + 0.2)  # the end of the window is none of the call
        transfer = self.verdict(session)
        expect(transfer["verdict"] == "kept" and transfer["hold_ms"] == WINDOW_S * 1000, f"the race that should be won: {transfer}")
        expect(0 < transfer["stn_sr_after_bye_ms"] <= transfer["hold_ms"], f"the times are not in the window: {transfer}")
        self.bob.request("BYE")
        self.bob.hears("200")
        self.msc.answer(self.msc.hears("BYE"), "200 OK")
        say("Bob and the MSC server have each other's media. The window went by, and nothing happened; at last Bob hung up, and the MSC server heard it.")
        return session

    def show(self, session, what, sentence):
        heading(f"{what}: why?")
        expect(sentence in self.adieu("why", session), f"`adieu why` does not say: {sentence}")
        say("")
        trace = self.adieu("trace", session)
        expect("adieu (SCC AS)" in trace and f"remote leg held for {WINDOW_S} s" in trace, "the ladder shows no hold")

    def check_the_end(self):
        gauges = wait_until(lambda: (g := self.json("counters")["gauges"])["sessions"] == 0 and g, "the end of all sessions")
        expect(gauges["dialogs"] == 0, "there are dialogs left")
        counters = self.json("counters")["counters"]
        for name, expected in (("holds", 2), ("holds_kept", 1), ("holds_released", 1), ("transfers", 1), ("transfers_refused", 1)):
            expect(counters[name] == expected, f"counter {name}: {counters[name]} instead of {expected}")
        say("\nBoth races ended as they must: 2 holds, 1 kept, 1 released; no session is left.")

    def run(self):
        self.start_daemon()
        lost = self.lose_the_race()
        won = self.win_the_race()
        self.show(lost, "The race lost", f"No INVITE due to STN-SR within {WINDOW_S} s after BYE (503): remote leg released (TS 24.237 §12.3.3.2).")
        self.show(won, "The race won", f" s after BYE (503), window {WINDOW_S} s: kept (TS 24.237 §12.3.3.2).")
        self.check_the_end()
        self.stop_daemon()
