#!/usr/bin/env python3
"""Two workers under ThreadSanitizer: SIPp calls from several sources over UDP and TCP while the operator looks, releases and reloads.
Some called users have an application server, a proxy or a B2BUA: what the latter calls back with has a Call-ID of its own, so that the passage is
often on another worker than its Call-ID would be. Meanwhile the users of both workers are exchanged by SIGHUP again and again.
No report of the sanitizer, every call that nobody released succeeds, nothing is left."""

import argparse
import glob
import os
import random
import signal
import sys
import threading

from ims_peers import B2buaServer
from peers import ROOT, Adieu, Process, Sipp, Tap, expect, expect_equal, free_port, is_bound, wait_until

CALLS, SOURCES, RATE = 500, 3, 150
WAITING = 100  # calls that wait for the operator
SERVED, SERVED_RATE = 200, 40  # calls through each kind of application server
RELOAD_PAUSE_S = 0.1
USERS = ("alice", "bob", "tom", "wait", "pat", "ben")


class Operator(threading.Thread):
    """One of several, each with its own habit, until told to stop."""

    def __init__(self, daemon, seed):
        super().__init__(daemon=True)
        self.daemon_, self.random, self.done, self.n, self.failed = daemon, random.Random(seed), threading.Event(), 0, []

    def run(self):
        orders = [
            ["sessions", "--limit", "0"], ["sessions", "--ended"], ["counters"], ["users"], ["show", "last"], ["why", "last"],
            ["trace", "last"], ["reload"], ["version"], ["sessions", "--user", "sip:alice@ims.example"],
            ["release", "--user", "sip:wait@ims.example", "--rate", "200"], ["release", "--all", "--dry-run"],
            ["drain", "--off"],
        ]
        while not self.done.is_set():
            order = self.random.choice(orders)
            status, _, err = self.daemon_.adieu(*order)
            self.n += 1
            # "last" may have been forgotten meanwhile
            if status not in ((0, 1) if "last" in order else (0,)):
                self.failed.append(f"{order}: {status} {err}")


class Reloader(threading.Thread):
    """Writes the users anew and says SIGHUP, as soon as the last time is done, until told to stop."""

    def __init__(self, daemon, users):
        super().__init__(daemon=True)
        self.daemon_, self.users, self.done, self.n, self.failed = daemon, users, threading.Event(), 0, None

    def run(self):
        try:
            while not self.done.wait(RELOAD_PAUSE_S):
                self.users.write(self.n)
                before = len(self.daemon_.process.lines)
                self.daemon_.process.signal(signal.SIGHUP)
                self.daemon_.process.wait_for_line('msg="reloaded"', after=before)
                self.n += 1
        except Exception as why:  # said at the end
            self.failed = why


class Users:
    """The folder of subscribers. Those in `servers` have an application server for the INVITEs that come to them."""

    def __init__(self, daemon, servers):
        self.folder, self.servers = daemon.folder.file("users"), servers
        os.mkdir(self.folder)
        self.write(0)

    def write(self, edition):
        for name in USERS:
            path = os.path.join(self.folder, f"{name}.xml")
            with open(f"{path}.new", "w") as file:
                file.write(self.text(name, edition))
            os.rename(f"{path}.new", path)

    def text(self, name, edition):
        """Editions differ in names only: with another priority a request that is at its server would go there a second time."""
        criteria = "" if name not in self.servers else (
            f"<InitialFilterCriteria><Priority>10</Priority><TriggerPoint><ConditionTypeCNF>1</ConditionTypeCNF>"
            "<SPT><Group>0</Group><Method>INVITE</Method></SPT><SPT><Group>1</Group><SessionCase>1</SessionCase></SPT>"
            "<SPT><Group>2</Group><SIPHeader><Header>From</Header><Content>alice@.*example</Content></SIPHeader></SPT></TriggerPoint>"
            f"<ApplicationServer><ServerName>sip:127.0.0.1:{self.servers[name]};lr</ServerName>"
            "<DefaultHandling>1</DefaultHandling></ApplicationServer></InitialFilterCriteria>")
        return (f"<IMSSubscription><PrivateID>{name}@ims.example</PrivateID><ServiceProfile>"
                f"<PublicIdentity><Identity>sip:{name}@ims.example</Identity><Extension><IdentityType>0</IdentityType><Extension>"
                f"<DisplayName>{name} {edition}</DisplayName></Extension></Extension></PublicIdentity>{criteria}"
                "</ServiceProfile></IMSSubscription>\n")


def load(daemon, callee_ports):
    """Callees first, then callers from several addresses; every pair by another way."""
    host = "127.0.0.1"
    callees = [
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["bob"], CALLS * SOURCES),
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["tom"], CALLS, "t1"),
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["wait"], WAITING),
        *(Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports[user], SERVED) for user in ("pat", "ben")),
    ]
    for callee in callees:
        callee.wait_bound()
    callers = [
        Sipp("caller_hangs_up.xml", f"{host}:{daemon.port}", free_port(), CALLS, more=("-r", str(RATE)))
        for _ in range(SOURCES)
    ]
    callers.append(Sipp(scenario_for(daemon, "caller_hangs_up.xml", "tom"), f"{host}:{daemon.port}", free_port(2), CALLS, "t1",
                        more=("-r", str(RATE))))
    callers.append(Sipp(scenario_for(daemon, "caller_waits.xml", "wait"), f"{host}:{daemon.port}", free_port(), WAITING,
                        more=("-r", str(RATE))))
    callers += [Sipp(scenario_for(daemon, "caller_hangs_up.xml", user), f"{host}:{daemon.port}", free_port(), SERVED,
                     more=("-r", str(SERVED_RATE))) for user in ("pat", "ben")]
    return callees, callers


def scenario_for(daemon, name, user):
    """The same scenario with another called user."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return daemon.folder.file(f"{user}-{name}", file.read().replace("sip:bob@ims.example", f"sip:{user}@ims.example"))


def run_load(tap, daemon, ports, users):
    callees, callers = load(daemon, ports)
    operators, reloader = [Operator(daemon, seed) for seed in range(3)], Reloader(daemon, users)
    for operator in [*operators, reloader]:
        operator.start()
    try:
        for process in callers + callees:
            tap.case(f"{os.path.basename(process.command[3])} on port {process.port}", process.expect_success, 120)
    finally:
        for operator in [*operators, reloader]:
            operator.done.set()
        for operator in [*operators, reloader]:
            operator.join()
        for process in callers + callees:
            process.kill()
    tap.ok(sum(o.n for o in operators) > 20, "the operators were busy", f"{sum(o.n for o in operators)} orders")
    tap.equal([f for o in operators for f in o.failed], [], "no order of theirs failed")
    tap.ok(reloader.n > 5 and not reloader.failed, "the users were exchanged under load", f"{reloader.n} times; {reloader.failed}")


def everything_is_over(daemon):
    daemon.adieu("release", "--all")
    wait_until(lambda: daemon.gauges()["sessions"] == 0, "the end of all sessions")
    counters = daemon.counters()
    expect_equal(counters["sessions_begun"], CALLS * (SOURCES + 1) + WAITING + 2 * SERVED, "sessions")
    expect_equal(counters["sessions_ended"], counters["sessions_begun"], "sessions ended")
    expect_equal(counters["requests_to_servers"], 2 * SERVED, "INVITEs to application servers")
    expect_equal(counters["servers_failed"], 0, "of these: failed")
    expect(daemon.json("counters")["io"]["mail_between_workers"] > 0, "the workers had no mail for each other")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    build = os.path.abspath(parser.parse_args().build)
    tap = Tap()
    ports = {user: free_port(2) for user in USERS if user != "alice"}
    bindings = "".join(
        f"sip:{user}@ims.example <sip:{user}@127.0.0.1:{port}{';transport=tcp' if user == 'tom' else ''}>\n"
        for user, port in ports.items())
    daemon = Adieu(bindings=bindings, scscf="  subscribers: users\n", workers=2, build=build)
    proxy_port, b2bua = free_port(), B2buaServer()
    proxy = Process([sys.executable, os.path.join(ROOT, "etc", "demo", "application_server.py"), str(proxy_port)])
    wait_until(lambda: is_bound(proxy_port, "udp") or not proxy.is_running(), "the server that is a proxy")
    users = Users(daemon, {"pat": proxy_port, "ben": b2bua.port})
    reports = daemon.folder.file("tsan")
    daemon.env = {"TSAN_OPTIONS": f"exitcode=66 halt_on_error=0 log_path={reports}"}
    daemon.start()
    tap.ok(b"__tsan_" in open(os.path.join(build, "adieud"), "rb").read(), "the daemon is built with ThreadSanitizer")
    run_load(tap, daemon, ports, users)
    tap.case("everything is over", everything_is_over, daemon)
    tap.equal(daemon.stop(), 0, "the daemon stops with exit status 0 (66: ThreadSanitizer has reported)")
    for server in (proxy, b2bua):
        server.kill()
    found = "".join(open(name, errors="replace").read() for name in glob.glob(f"{reports}*"))
    tap.ok(not found, "ThreadSanitizer reports nothing", found[:6000])
    tap.end()


if __name__ == "__main__":
    main()
