#!/usr/bin/env python3
"""The application servers that the tests of service control meet, alone between two SIPps: what they do must be known before a test
blames the S-CSCF. SIPp as caller plays the S-CSCF: its INVITE has two Route values, the server's and that of the callee."""

import os
import socket

from ims_peers import B2buaServer, ProxyingServer
from peers import HERE, PATIENCE_S, Folder, Sipp, Tap, expect, expect_equal, free_port, wait_until
from sip_text import Message, address_uri, new_branch

CALLS = 3

# How a call ends: caller, callee, and the requests that the server must have seen in each call.
ENDINGS = [
    ("caller hangs up", "caller_hangs_up.xml", "callee_answers.xml", {"INVITE": 1, "ACK": 1, "BYE": 1, "CANCEL": 0}),
    ("callee hangs up", "caller_waits.xml", "callee_hangs_up.xml", {"INVITE": 1, "ACK": 1, "BYE": 1, "CANCEL": 0}),
    ("cancelled", "caller_cancels.xml", "callee_rings.xml", {"INVITE": 1, "ACK": 1, "BYE": 0, "CANCEL": 1}),
    ("rejected", "caller_is_rejected.xml", "callee_rejects.xml", {"INVITE": 1, "ACK": 1, "BYE": 0, "CANCEL": 0}),
]


def with_route(folder, scenario, transport, *ports):
    """The scenario with a Route on its INVITE, as a file of its own."""
    with open(os.path.join(HERE, scenario)) as f:
        text = f.read()
    tcp = ";transport=tcp" if transport == "tcp" else ""
    routes = ", ".join(f"<sip:127.0.0.1:{p}{tcp};lr>" for p in ports)
    first = "INVITE sip:bob@ims.example SIP/2.0\n"
    expect(first in text, f"{scenario} has no INVITE")
    path = folder.file("routed_" + scenario, text.replace(first, f"{first}Route: {routes}\n", 1))
    return path


def make_calls(server, transport, ending):
    """SIPps of the calls, the caller content."""
    _, caller_file, callee_file, _ = ending
    folder, callee_port, caller_port = Folder(), free_port(2), free_port(2)
    kind = {"udp": "u1", "tcp": "t1"}[transport]
    callee = Sipp(callee_file, f"127.0.0.1:{server.port}", callee_port, CALLS, kind, trace=True).wait_bound()
    caller = Sipp(with_route(folder, caller_file, transport, server.port, callee_port), f"127.0.0.1:{server.port}", caller_port, CALLS,
                  kind, more=("-r", "100"), trace=True)
    try:
        caller.expect_success()
        callee.expect_success()
    finally:
        caller.kill()
        callee.kill()
    return caller, callee


def the_call_comes_through(server, transport, ending):
    before = server.requests()
    make_calls(server, transport, ending)
    for method, n in ending[3].items():
        if n:
            old = sum(r["method"] == method for r in before)
            server.wait_for_requests(method, old + n * CALLS)
    seen = server.requests()[len(before):]
    for method, n in ending[3].items():
        expect_equal(sum(r["method"] == method for r in seen), n * CALLS, f"{method} seen by the server")


# ---------------------------------------------------------------- what makes it a B2BUA

def requests_in(sipp, method):
    with open(sipp.messages, "rb") as f:
        blocks = f.read().replace(b"\r\n", b"\n").decode(errors="replace").split("\n-----")
    return [b for b in blocks if f"\n{method} " in b]


def two_dialogs_that_know_nothing_of_each_other(server):
    before = len(server.requests("INVITE"))

    def answered():
        return sum(line.startswith("ANSWERED BYE leg=callee status=200") for line in server.text().split("\n"))

    answered_before = answered()
    caller, callee = make_calls(server, "udp", ENDINGS[0])
    seen = server.requests("INVITE")[before:]
    sent = [line for line in server.lines if line.startswith("SENT INVITE leg=callee")][-CALLS:]
    theirs, ours = {s["call"] for s in seen}, {s.split("call=")[1].split()[0] for s in sent}
    expect_equal((len(theirs), len(ours), theirs & ours), (CALLS, CALLS, set()), "Call-IDs of both sides")
    tags = {s["from"] for s in seen}
    for invite in requests_in(callee, "INVITE"):
        expect(not any(t in invite for t in tags), f"the caller's tag in the INVITE to the callee:\n{invite}")
        expect(f"Route: <sip:127.0.0.1:{callee.port};lr>" in invite, f"the second Route is not the first now:\n{invite}")
        expect("P-Asserted-Identity: <sip:alice@ims.example>" in invite, f"the asserted identity was lost:\n{invite}")
    wait_until(lambda: answered() >= answered_before + CALLS, "the answers to the BYEs of the server")


class RawClient:
    """A socket that sends what it is told."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.port = self.socket.getsockname()[1]

    def send(self, method, cseq, to_tag=None, branch=None, call_id="raw", uri="sip:bob@ims.example", more=()):
        request = Message(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch or new_branch()}"), ("From", "<sip:alice@ims.example>;tag=a"),
            ("To", "<sip:bob@ims.example>" + (f";tag={to_tag}" if to_tag else "")), ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"), ("Contact", f"<sip:alice@127.0.0.1:{self.port}>"), ("Max-Forwards", "70"), *more])
        self.socket.sendto(request.encode(), self.to)

    def receive(self):
        return Message.parse(self.socket.recv(65536))

    def ask(self, *arguments, **more):
        """Status of the answer."""
        self.send(*arguments, **more)
        return self.receive().status


def strict_about_dialogs(server):
    caller, callee = RawClient(server.port), RawClient(server.port)
    expect_equal(caller.ask("BYE", 2, to_tag="x"), 481, "a BYE of no dialog")
    expect_equal(caller.ask("CANCEL", 2), 481, "a CANCEL of no INVITE")
    expect_equal(caller.ask("INVITE", 1, call_id="nowhere"), 403, "an INVITE without a Route behind the server's own")
    routes = [("Route", f"<sip:127.0.0.1:{server.port};lr>"), ("Route", f"<sip:127.0.0.1:{callee.port};lr;odi=7>")]
    caller.send("INVITE", 5, more=routes)
    expect_equal(caller.receive().status, 100, "the provisional answer")
    invite = callee.receive()
    expect_equal(invite.values("Route"), [f"<sip:127.0.0.1:{callee.port};lr;odi=7>"], "Route of the INVITE to the callee")
    headers = invite.copies("Via", "From", "Call-ID", "CSeq") + [("To", invite.get("To") + ";tag=b"),
                                                                ("Contact", f"<sip:bob@127.0.0.1:{callee.port}>")]
    callee.socket.sendto(Message("SIP/2.0 200 OK", headers).encode(), callee.to)
    answer = caller.receive()
    tag = answer.tag_of("To")
    expect(tag not in (None, "b"), f"tag of the answer: {tag}")
    caller.send("ACK", 5, to_tag=tag)
    expect_equal(callee.receive().method, "ACK", "the ACK to the callee")
    expect_equal(caller.ask("BYE", 6, to_tag="b"), 481, "a BYE with the tag of the other dialog")
    expect_equal(caller.ask("BYE", 4, to_tag=tag), 500, "a BYE whose CSeq goes back")
    caller.send("BYE", 6, to_tag=tag, branch="z9hG4bKsame", more=[("Reason", 'SIP;cause=480')])
    expect_equal(caller.receive().status, 200, "the BYE, answered before the other side's is")
    bye = callee.receive()
    expect_equal((bye.method, bye.cseq, bye.tag_of("To"), bye.get("Reason")), ("BYE", invite.cseq + 1, "b", "SIP;cause=480"),
                 "the BYE to the callee")
    caller.send("BYE", 6, to_tag=tag, branch="z9hG4bKsame")
    expect_equal(caller.receive().status, 200, "the same BYE again")
    expect_equal(caller.ask("BYE", 7, to_tag=tag), 481, "another BYE, when the dialog is over")


def wrong_on_bye(kind, how):
    """A server that is silent on the BYE of a call that stands, or knows no dialog for it; the other side hears nothing of it."""
    server = kind(on_bye=how)
    try:
        caller, callee = RawClient(server.port), RawClient(server.port)
        caller.send("INVITE", 1, more=[("Route", f"<sip:127.0.0.1:{p};lr>") for p in (server.port, callee.port)])
        invite = callee.receive()
        headers = invite.copies("Via", "Record-Route", "From", "Call-ID", "CSeq") + [
            ("To", invite.get("To") + ";tag=b"), ("Contact", f"<sip:bob@127.0.0.1:{callee.port}>")]
        callee.socket.sendto(Message("SIP/2.0 200 OK", headers).encode(), callee.to)
        while (answer := caller.receive()).status < 200:
            pass
        in_dialog = {"to_tag": answer.tag_of("To"), "uri": address_uri(answer.get("Contact")),
                     "more": [("Route", r) for r in answer.values("Record-Route")]}
        caller.send("ACK", 1, **in_dialog)
        expect_equal(callee.receive().method, "ACK", "the ACK to the callee")
        caller.send("BYE", 2, **in_dialog)
        if how == "481":
            expect_equal(caller.receive().status, 481, "answer to the BYE")
        expect_equal(caller.ask("REGISTER", 3, call_id="after"), 200, "only what comes after the BYE is answered")
        expect_equal(len(server.wait_for_requests("BYE")), 1, "BYEs seen")
        callee.socket.setblocking(False)
        try:
            expect(False, f"the callee got {callee.receive().start}")
        except BlockingIOError:
            pass
    finally:
        server.kill()


def main():
    tap = Tap()
    for kind, name in ((ProxyingServer, "Kamailio"), (B2buaServer, "B2BUA")):
        server = kind()
        for transport in ("udp", "tcp"):
            for ending in ENDINGS:
                tap.case(f"{name}, {transport}: {ending[0]}", the_call_comes_through, server, transport, ending)
        if kind is B2buaServer:
            tap.case(f"{name}: two dialogs", two_dialogs_that_know_nothing_of_each_other, server)
            tap.case(f"{name}: strict about its dialogs", strict_about_dialogs, server)
        server.stop()
        for how in ("silent", "481"):
            tap.case(f"{name}: {how} on BYE", wrong_on_bye, kind, how)
    tap.end()


if __name__ == "__main__":
    main()
