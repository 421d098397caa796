#!/usr/bin/env python3
"""Bad input to a real daemon while calls stand: a correct answer or silence, no crash, nothing left of it, the calls unharmed."""

import random
import re
import socket
import struct

from peers import PATIENCE_S, Adieu, Sipp, Tap, expect, expect_equal, free_port, wait_until

CALLS = 10
ROUNDS = 50  # of each kind


class World:
    def __init__(self):
        self.callee_port = free_port()
        # Short timers: whatever a bad message leaves behind for 64*T1 is gone within a second.
        self.daemon = Adieu(
            bindings=f"sip:bob@ims.example <sip:bob@127.0.0.1:{self.callee_port}>\n", workers=2,
            more="timers: {t1: 10ms, t2: 40ms, t4: 50ms}\n").start()
        target = f"127.0.0.1:{self.daemon.port}"
        self.callee = Sipp("callee_answers.xml", target, self.callee_port, CALLS).wait_bound()
        self.caller = Sipp("caller_waits.xml", target, free_port(), CALLS, more=("-r", "100"))
        self.sessions = self.daemon.wait_for_sessions(CALLS)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", self.daemon.port))
        self.here = self.socket.getsockname()[1]
        self.n = 0
        self.before = self.settled()

    def settled(self):
        """Memory in use once no transaction is left."""
        wait_until(lambda: not self.transactions(), "the end of all transactions")
        gauges = self.daemon.gauges()
        return {name: gauges[name] for name in ("sessions", "dialogs", "timers", "session_blocks", "message_blocks")}

    def transactions(self):
        gauges = self.daemon.gauges()
        return gauges["server_transactions"] + gauges["client_transactions"]

    def request(self, method="INVITE", uri="sip:bob@ims.example", more="", body=b"", **replaced):
        self.n += 1
        fields = {
            "Via": f"SIP/2.0/UDP 127.0.0.1:{self.here};branch=z9hG4bKbad{self.n}", "Max-Forwards": "70",
            "From": f"<sip:alice@ims.example>;tag=bad{self.n}", "To": "<sip:bob@ims.example>",
            "Call-ID": f"bad-{self.n}@127.0.0.1", "CSeq": f"1 {method}",
            "Contact": f"<sip:alice@127.0.0.1:{self.here}>", "Content-Length": str(len(body)),
        }
        for name, value in replaced.items():
            fields[name.replace("_", "-")] = value
        lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value is not None]
        return f"{method} {uri} SIP/2.0\r\n{''.join(lines)}{more}\r\n".encode() + body

    def answer(self, message):
        """The final answer; "" when the daemon provably says nothing: the answer to an OPTIONS sent afterwards comes first."""
        # Both go to the same worker only when they have the same Call-ID and name the same session; a bad message without either goes to
        # the first.
        call_id = re.search(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)", message)
        own = rb"bad%d\b" % self.n  # in branch, tag and Call-ID; refused INVITEs before it are still being answered again
        self.socket.settimeout(PATIENCE_S)
        self.socket.send(message)
        probe = self.request("OPTIONS", uri="sip:probe@nowhere.example", Call_ID=call_id[1].decode(errors="replace") if call_id else None)
        if route := re.search(rb"(?im)^route:.*\r\n", message):
            probe = probe.replace(b"Via:", route[0] + b"Via:", 1)
        if not call_id:
            probe = probe.replace(b"Via:", b"Call-ID: probe@127.0.0.1\r\nVia:")
        branch = re.search(rb"branch=(\S+)", probe)[1]
        self.socket.send(probe)
        got = ""
        while True:
            reply = self.socket.recv(65536)
            if branch in reply:
                if not reply.startswith(b"SIP/2.0 1"):
                    return got
            elif re.search(own, reply) and not reply.startswith(b"SIP/2.0 1"):
                got = got or reply.split(b"\r\n")[0].decode(errors="replace")

    def expect_answer(self, message, pattern, what):
        answer = self.answer(message)
        expect(re.match(pattern, answer) if pattern else not answer,
               f"{what}: the answer is {answer!r}, expected {pattern or 'silence'}")


def noise(world):
    draw = random.Random(1)
    before = world.daemon.counters()["noise"]
    for n in range(ROUNDS):
        world.socket.send(draw.randbytes(draw.randrange(1, 3000)))
    world.expect_answer(b"\0" * 100, "", "zeros")
    wait_until(lambda: world.daemon.counters()["noise"] > before + ROUNDS // 2, "noise to be counted")


def cut_messages(world):
    whole = world.request(body=b"v=0\r\n")
    for length in range(1, len(whole), 3):
        world.socket.send(whole[:length])
    expect(world.daemon.process.is_running(), "the daemon has gone")


def content_length(world):
    body = b"v=0\r\n"
    world.expect_answer(world.request(body=body, Content_Length="500"), r"SIP/2\.0 400", "beyond the end of the datagram")
    world.expect_answer(world.request(body=body, more="Content-Length: 2\r\n"), r"SIP/2\.0 400", "two that contradict each other")
    world.expect_answer(world.request(body=body, Content_Length="-1"), r"SIP/2\.0 400", "a negative one")
    world.expect_answer(world.request(body=body, Content_Length="99999999999999999999"), r"SIP/2\.0 4", "one beyond all bounds")


def too_much(world):
    world.expect_answer(world.request(more="A: b\r\n" * 10000), r"SIP/2\.0 (400|513)", "10,000 header fields")
    world.expect_answer(world.request(uri="sip:" + "b" * 5000 + "@ims.example"), r"SIP/2\.0 414", "a long Request-URI")
    world.expect_answer(world.request(more="Subject: " + "x" * 20000 + "\r\n"), r"SIP/2\.0 (400|513)", "a long header field")
    world.expect_answer(world.request("MESSAGE", uri="sip:nobody@ims.example", body=b"x" * 60000), r"SIP/2\.0 404", "a long body")
    vias = "".join(f"Via: SIP/2.0/UDP 127.0.0.1:{world.here};branch=z9hG4bKx{i}\r\n" for i in range(100))
    world.expect_answer(world.request(more=vias), r"SIP/2\.0 (400|513)", "a hundred Vias")


def missing_and_wrong_fields(world):
    world.expect_answer(world.request(Call_ID=None), r"SIP/2\.0 400|$", "no Call-ID")
    world.expect_answer(world.request(CSeq="1 BYE"), r"SIP/2\.0 400", "the CSeq of another method")
    world.expect_answer(world.request(CSeq="9999999999 INVITE"), r"SIP/2\.0 400", "a CSeq beyond 32 bits")
    world.expect_answer(world.request(From="<sip:alice@ims.example"), r"SIP/2\.0 400", "an open <")
    world.expect_answer(world.request(Max_Forwards="0"), r"SIP/2\.0 483", "Max-Forwards used up")
    world.expect_answer(world.request("CANCEL"), r"SIP/2\.0 481", "a CANCEL for nothing")
    world.expect_answer(world.request("BYE", To="<sip:bob@ims.example>;tag=nobody"), r"SIP/2\.0 481", "a BYE for nothing")


def forged(world):
    """Somebody knows a session's Call-ID and handle, and not its tags."""
    session = world.daemon.json("show", world.sessions[0]["id"])
    handle = f"Route: <sip:127.0.0.1:{world.daemon.port};lr;adieu={session['id']}>\r\n"
    for n in range(ROUNDS):
        world.expect_answer(
            world.request("BYE", uri=f"sip:bob@127.0.0.1:{world.callee_port}", more=handle, Call_ID=session["call_id"],
                          To=f"<sip:bob@ims.example>;tag=forged{n}", CSeq=f"{100 + n} BYE"),
            r"SIP/2\.0 481", "a BYE with forged tags")
    for n in range(ROUNDS):
        forgery = f"Route: <sip:127.0.0.1:{world.daemon.port};lr;adieu=0-{n:x}-{n + 7:x}>\r\n"
        world.expect_answer(
            world.request("BYE", uri=f"sip:bob@127.0.0.1:{world.callee_port}", more=forgery,
                          To=f"<sip:bob@ims.example>;tag=forged{n}"), r"SIP/2\.0 481", "a BYE with a forged handle")
    expect_equal(world.daemon.json("show", session["id"])["state"], "confirmed", "state of the session")


def responses_that_nobody_asked_for(world):
    for n in range(ROUNDS):
        via = f"SIP/2.0/UDP 127.0.0.1:{world.daemon.port};branch=z9hG4bKad-0-{n}-1-forged"
        message = world.request(Via=via).split(b"\r\n", 1)[1]
        world.expect_answer(b"SIP/2.0 200 OK\r\n" + message, "", "a 200 that nobody asked for")
    counters = world.daemon.counters()
    expect(counters["stray_responses"] + counters["dropped_responses"] >= ROUNDS, "stray responses are counted")


def bad_streams(world):
    def talk(data, patience_s=PATIENCE_S):
        """Everything that comes back until the daemon closes."""
        with socket.socket() as s:
            s.settimeout(patience_s)
            s.connect(("127.0.0.1", world.daemon.port))
            try:
                s.sendall(data)
                got = b""
                while chunk := s.recv(65536):
                    got += chunk
            except ConnectionError:
                pass
            return got

    stream = lambda message: message.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    expect(talk(stream(world.request(Content_Length="many"))).startswith(b"SIP/2.0 400"), "a Content-Length that is no number")
    talk(stream(world.request(Content_Length=None)))
    talk(b"x" * 300000)
    talk(random.Random(2).randbytes(200000).replace(b"\r\n\r\n", b"") + b"\r\n\r\n")
    # Many that begin and are reset.
    for n in range(ROUNDS):
        with socket.socket() as s:
            s.connect(("127.0.0.1", world.daemon.port))
            s.sendall(stream(world.request())[:20 + 5 * n])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: world.daemon.json("counters")["io"]["connections"] == 0, "the end of all connections")


def nothing_is_left(world):
    held = world.settled()
    ended = world.daemon.json("sessions", "--ended")["sessions"]
    expect_equal(held, world.before, f"what is held, compared with before ({ended})")


def calls_are_unharmed(world):
    expect_equal(len(world.daemon.json("sessions", "--state", "confirmed")["sessions"]), CALLS, "sessions")
    progress = world.daemon.json("release", "--all")
    expect_equal(progress["legs"]["2xx"], 2 * CALLS, "legs answered 2xx")
    world.caller.expect_success()
    world.callee.expect_success()


def main():
    tap = Tap()
    world = World()
    for name, test in (
        ("binary noise", noise), ("messages cut off at every place", cut_messages), ("contradictory Content-Length", content_length),
        ("too much of everything", too_much), ("missing and wrong fields", missing_and_wrong_fields),
        ("forged handles and forged tags", forged), ("responses that nobody asked for", responses_that_nobody_asked_for),
        ("bad streams", bad_streams), ("nothing is left of all that", nothing_is_left), ("the calls are unharmed", calls_are_unharmed),
    ):
        tap.case(name, test, world)
    tap.equal(world.daemon.stop(), 0, "the daemon stops cleanly")
    tap.end()


if __name__ == "__main__":
    main()
