#!/usr/bin/env python3
"""SIPp calls through adieud, over UDP, TCP and IPv6, alone and behind a Kamailio proxy, ended in five ways; and what tshark thinks of it."""

from peers import (Adieu, Capture, Folder, Kamailio, Sipp, Tap, dissect, expect, expect_equal, free_port, host_in_uri, wait_until,
                   write_pcap)

CALLS = 3

# How a session ends: caller, callee, and what the daemon must say of it.
ENDINGS = [
    ("caller hangs up", "caller_hangs_up.xml", "callee_answers.xml", "BYE of the calling party"),
    ("callee hangs up", "caller_waits.xml", "callee_hangs_up.xml", "BYE of the called party"),
    ("released by the operator", "caller_waits.xml", "callee_answers.xml", "released by the network"),
    ("cancelled", "caller_cancels.xml", "callee_rings.xml", "cancelled by the calling party"),
    ("rejected", "caller_is_rejected.xml", "callee_rejects.xml", "rejected"),
]

# Transport as SIPp names it: u1 one socket, t1 one connection, tn a connection per call. With tn nobody listens at the caller's Contact, so only
# those endings are tried in which no request goes to the caller.
WAYS = [
    ("UDP", "u1", "udp", "127.0.0.1", ENDINGS),
    ("TCP, one connection", "t1", "tcp", "127.0.0.1", ENDINGS),
    ("TCP, a connection per call", "tn", "tcp", "127.0.0.1", [ENDINGS[0], ENDINGS[3], ENDINGS[4]]),
    ("UDP over IPv6", "u1", "udp", "::1", ENDINGS),
]


class World:
    """One daemon (and a proxy before it) for all endings of one way."""

    def __init__(self, transport, host, behind_proxy):
        self.host = host
        self.callee_port = free_port(2)
        self.caller_port = free_port(2)
        contact = f"<sip:bob@{host_in_uri(host)}:{self.callee_port};transport={transport}>"
        self.daemon = Adieu(bindings=f"sip:bob@ims.example {contact}\n", workers=2).start()
        self.proxy = Kamailio(self.daemon.port, host) if behind_proxy else None
        self.entry = self.proxy.port if behind_proxy else self.daemon.port

    def ports(self):
        return [self.daemon.port, self.callee_port, self.caller_port] + ([self.proxy.port] if self.proxy else [])

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        return self.daemon.stop()


def release_all(daemon):
    daemon.wait_for_sessions(CALLS)
    progress = daemon.json("release", "--all", "--reason", "503")
    expect_equal(progress["found"], CALLS, "sessions found by the release")
    expect_equal(progress["ended"], CALLS, "sessions released")
    expect_equal(progress["legs"]["2xx"], 2 * CALLS, "legs answered 2xx")


def calls(world, capture, way, ending):
    _, sipp_transport, _, _, _ = way
    name, caller_file, callee_file, end = ending
    before = len(world.daemon.json("sessions", "--ended", "--limit", "0")["sessions"])
    # The callee serves every connection that we open to it.
    callee_transport = "t1" if sipp_transport == "tn" else sipp_transport
    target = f"{host_in_uri(world.host)}:{world.entry}"
    callee = Sipp(callee_file, target, world.callee_port, CALLS, callee_transport, world.host,
                  trace=not capture.is_live).wait_bound()
    caller = Sipp(caller_file, target, world.caller_port, CALLS, sipp_transport, world.host, ("-r", "100"),
                  trace=not capture.is_live)
    capture.sipps += [caller, callee]
    try:
        if name == "released by the operator":
            release_all(world.daemon)
        caller.expect_success()
        callee.expect_success()
    finally:
        caller.kill()
        callee.kill()

    def ended():
        found = world.daemon.json("sessions", "--ended", "--limit", "0")["sessions"]
        return found if len(found) == before + CALLS else None

    sessions = wait_until(ended, f"{CALLS} ended sessions")
    expect_equal(sum(s["end"] == end for s in sessions), CALLS, f'sessions that ended by "{end}"')
    expect_equal(world.daemon.gauges()["sessions"], 0, "sessions left")


# Warnings of the TCP dissector (a reset, a reused port) say nothing about SIP.
MALFORMED = "_ws.malformed || _ws.expert.severity == 0x800000 || (udp && _ws.expert.severity == 0x600000)"


def the_dissector_notices_what_is_malformed():
    """Otherwise the tests below could not fail."""
    good = (b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
            b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
    bad = {"cut off": good[:60],
           "a header without a colon": good.replace(b"Max-Forwards: 70", b"Max-Forwards 70"),
           "no empty line": good.replace(b"\r\n\r\n", b"\r\n"),
           "a Content-Length that is no number": good.replace(b"Length: 0", b"Length: x")}
    folder = Folder()
    write_pcap(folder.file("good.pcap"), [good], 5060)
    expect_equal(dissect(folder.file("good.pcap"), [5060], MALFORMED, ["frame.number"]), [], "a good message is malformed")
    for name, message in bad.items():
        write_pcap(folder.file("bad.pcap"), [message], 5060)
        expect(dissect(folder.file("bad.pcap"), [5060], MALFORMED, ["frame.number"]), f"not noticed: {name}")


def nothing_malformed(capture, n_at_least):
    # One row is one packet; in a stream it may hold several messages, and then several Call-IDs.
    seen = sum(len(row[0].split(",")) for row in capture.read("sip", ["sip.Call-ID"]))
    expect(seen >= n_at_least, f"only {seen} SIP messages captured, expected at least {n_at_least}")
    bad = capture.read(MALFORMED, ["frame.number", "sip.Request-Line", "sip.Status-Line", "_ws.expert.message"])
    expect(not bad, f"tshark finds malformed messages: {bad[:5]}")


def run_way(tap, way, behind_proxy):
    name, _, transport, host, endings = way
    where = f"{name}, behind Kamailio" if behind_proxy else name
    world = World(transport, host, behind_proxy)
    capture = Capture(world.ports())
    print(f"# {where}: the capture is by {capture.how()}", flush=True)
    for ending in endings:
        tap.case(f"{where}: {ending[0]}", calls, world, capture, way, ending)
    capture.stop()
    # Without retransmissions and 100s, on two hops: 12 messages of each session that was answered or cancelled, 6 of one
    # rejected. On the wire the proxy makes it three hops. SIPp sees its two ends, and does not write down every one of them.
    hops = 3 if behind_proxy else 2
    n = CALLS * sum(6 if e[0] == "rejected" else 12 for e in endings)
    tap.case(f"{where}: tshark finds nothing malformed", nothing_malformed, capture,
             n * hops // 2 if capture.is_live else n * 3 // 4)
    tap.equal(world.stop(), 0, f"{where}: the daemon stops cleanly")


def main():
    tap = Tap()
    tap.case("tshark notices what is malformed", the_dissector_notices_what_is_malformed)
    for behind_proxy in (False, True):
        for way in WAYS:
            run_way(tap, way, behind_proxy)
    tap.end()


if __name__ == "__main__":
    main()
