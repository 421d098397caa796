#!/usr/bin/env python3
"""Two workers under ThreadSanitizer: SIPp calls from several sources over UDP and TCP while the operator looks, releases and reloads.
No report of the sanitizer, every call that nobody released succeeds, nothing is left."""

import argparse
import glob
import os
import random
import threading

from peers import Adieu, Sipp, Tap, expect, expect_equal, free_port, wait_until

CALLS, SOURCES, RATE = 500, 3, 150
WAITING = 100  # calls that wait for the operator


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


def load(daemon, callee_ports):
    """Callees first, then callers from several addresses; every pair by another way."""
    host = "127.0.0.1"
    callees = [
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["bob"], CALLS * SOURCES),
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["tom"], CALLS, "t1"),
        Sipp("callee_answers.xml", f"{host}:{daemon.port}", callee_ports["wait"], WAITING),
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
    return callees, callers


def scenario_for(daemon, name, user):
    """The same scenario with another called user."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return daemon.folder.file(f"{user}-{name}", file.read().replace("sip:bob@ims.example", f"sip:{user}@ims.example"))


def run_load(tap, daemon, ports):
    callees, callers = load(daemon, ports)
    operators = [Operator(daemon, seed) for seed in range(3)]
    for operator in operators:
        operator.start()
    try:
        for process in callers + callees:
            tap.case(f"{os.path.basename(process.command[3])} on port {process.port}", process.expect_success, 120)
    finally:
        for operator in operators:
            operator.done.set()
        for operator in operators:
            operator.join()
        for process in callers + callees:
            process.kill()
    tap.ok(sum(o.n for o in operators) > 20, "the operators were busy", f"{sum(o.n for o in operators)} orders")
    tap.equal([f for o in operators for f in o.failed], [], "no order of theirs failed")


def everything_is_over(daemon):
    daemon.adieu("release", "--all")
    wait_until(lambda: daemon.gauges()["sessions"] == 0, "the end of all sessions")
    counters = daemon.counters()
    expect_equal(counters["sessions_begun"], CALLS * (SOURCES + 1) + WAITING, "sessions")
    expect_equal(counters["sessions_ended"], counters["sessions_begun"], "sessions ended")
    expect(daemon.json("counters")["io"]["mail_between_workers"] > 0, "the workers had no mail for each other")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    build = os.path.abspath(parser.parse_args().build)
    tap = Tap()
    ports = {user: free_port(2) for user in ("bob", "tom", "wait")}
    bindings = "".join(
        f"sip:{user}@ims.example <sip:{user}@127.0.0.1:{port}{';transport=tcp' if user == 'tom' else ''}>\n"
        for user, port in ports.items())
    daemon = Adieu(bindings=bindings, workers=2, build=build)
    reports = daemon.folder.file("tsan")
    daemon.env = {"TSAN_OPTIONS": f"exitcode=66 halt_on_error=0 log_path={reports}"}
    daemon.start()
    tap.ok(b"__tsan_" in open(os.path.join(build, "adieud"), "rb").read(), "the daemon is built with ThreadSanitizer")
    run_load(tap, daemon, ports)
    tap.case("everything is over", everything_is_over, daemon)
    tap.equal(daemon.stop(), 0, "the daemon stops with exit status 0 (66: ThreadSanitizer has reported)")
    found = "".join(open(name, errors="replace").read() for name in glob.glob(f"{reports}*"))
    tap.ok(not found, "ThreadSanitizer reports nothing", found[:6000])
    tap.end()


if __name__ == "__main__":
    main()
