#!/usr/bin/env python3
"""The operator's side against a real daemon: exit statuses, JSON, paging, protocol errors, reload, drain, stop."""

import json
import os
import re
import signal
import socket
import subprocess

from peers import (PATIENCE_S, Adieu, Folder, Process, Sipp, Tap, build_folder, expect, expect_equal, free_port,
                   wait_until)

CALLS = 25


def bindings(port, host="127.0.0.1"):
    return f"sip:bob@ims.example <sip:bob@{host}:{port}>\n"


class Calls:
    """Calls that stand until somebody releases them."""

    def __init__(self, daemon, callee_port, n):
        self.callee = Sipp("callee_answers.xml", f"127.0.0.1:{daemon.port}", callee_port, n).wait_bound()
        self.caller = Sipp("caller_waits.xml", f"127.0.0.1:{daemon.port}", free_port(), n, more=("-r", "500"))
        daemon.wait_for_sessions(n)

    def expect_success(self):
        self.caller.expect_success()
        self.callee.expect_success()

    def kill(self):
        self.caller.kill()
        self.callee.kill()


# ---------------------------------------------------------------- without a daemon

def run(program, *arguments):
    done = subprocess.run([os.path.join(build_folder(), program), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def usage_is_exit_2():
    folder = Folder()
    nowhere = folder.file("nowhere.sock")
    for arguments in ([], ["dance"], ["show"], ["show", "a", "b"], ["progress", "x"], ["release"], ["release", "a", "--all"],
                      ["sessions", "--limit", "many"], ["why", "last", "--all"], ["--colour"]):
        status, _, err = run("adieu", "-s", nowhere, *arguments)
        expect_equal(status, 2, f"exit status of adieu {arguments}")
        expect(err.startswith("adieu: ") or "/adieu: " in err, f"adieu {arguments} says {err!r}")
        expect_equal(len(err.splitlines()), 1, f"lines that adieu {arguments} says")
    status, _, err = run("adieud", "-z")
    expect_equal(status, 2, "exit status of adieud -z")
    expect_equal(run("adieud", "too", "much")[0], 2, "exit status of adieud too much")


def no_daemon_is_exit_3():
    folder = Folder()
    for command in (["sessions"], ["show", "last"], ["release", "--all"], ["counters"], ["reload"], ["version"]):
        status, out, err = run("adieu", "-s", folder.file("nowhere.sock"), *command)
        expect_equal(status, 3, f"exit status of adieu {command}")
        expect("no daemon" in err, f"adieu {command} says {err!r}")


def the_check_prints_file_and_line():
    folder = Folder()
    good = folder.file("good.yaml", "listen:\n  - udp:127.0.0.1:5060\n")
    bad = folder.file("bad.yaml", "listen:\n  - udp:127.0.0.1:5060\ncolour: red\ntimers:\n  t1: slow\n")
    users = folder.file("users.yaml", "listen:\n  - udp:127.0.0.1:5060\nscscf:\n  bindings: bindings\n")
    folder.file("bindings", "sip:bob@ims.example <sip:bob@127.0.0.1>\nnonsense\n")
    expect_equal(run("adieud", "-c", "-f", good), (0, f"{good}: correct\n", ""), "check of a good file")
    status, _, err = run("adieud", "-c", "-f", bad)
    expect_equal(status, 1, "exit status for a bad file")
    expect(f"{bad}:3: unknown key" in err and f"{bad}:5: timers.t1" in err, f"it said {err!r}")
    status, _, err = run("adieud", "-c", "-f", users)
    expect_equal(status, 1, "exit status for a bad bindings file")
    expect(f"{folder.file('bindings')}:2: " in err, f"it said {err!r}")
    expect_equal(run("adieud", "-c", "-f", folder.file("none.yaml"))[0], 1, "exit status for a file that is not there")
    expect_equal(run("adieud", "-f", bad)[0], 1, "exit status of a start with a bad file")
    status, out, _ = run("adieud", "-V")
    expect(status == 0 and re.fullmatch(r"adieud \d+\.\d+\.\d+\n", out), f"-V printed {out!r}")


def a_second_daemon_says_what_is_taken():
    first = Adieu(workers=2).start()
    second = Adieu(workers=2, listen=[f"udp:127.0.0.1:{first.port}"])
    status, _, err = run("adieud", "-f", second.config, "-s", second.socket)
    expect_equal(status, 1, "exit status of a second daemon on the same port")
    expect("cannot listen on udp:127.0.0.1" in err, f"it said {err!r}")
    third = Adieu(workers=2, listen=[f"tcp:127.0.0.1:{first.port}"])
    expect_equal(run("adieud", "-f", third.config, "-s", third.socket)[0], 1, "exit status on the same TCP port")
    fourth = Adieu()
    status, _, err = run("adieud", "-f", fourth.config, "-s", first.socket)
    expect_equal(status, 1, "exit status of a second daemon on the same socket")
    expect("another daemon listens there" in err, f"it said {err!r}")
    expect_equal(first.json("version")["pid"], first.process.pid, "the first daemon goes on")
    expect_equal(first.stop(), 0, "exit status of the first daemon")


def an_abandoned_socket_is_replaced():
    first = Adieu().start()
    first.process.kill()
    expect(os.path.exists(first.socket), "a killed daemon leaves its socket file")
    first.start()
    expect_equal(first.json("version")["pid"], first.process.pid, "pid")
    expect_equal(os.stat(first.socket).st_mode & 0o777, 0o660, "permissions of the socket")
    pid_file = first.folder.file("pid")
    expect_equal(first.stop(), 0, "exit status")
    expect(not os.path.exists(first.socket), "the socket file goes with the daemon")
    first.arguments = ["-P", pid_file]
    first.start()
    wait_until(lambda: os.path.exists(pid_file), "the pid file")
    with open(pid_file) as file:
        expect_equal(int(file.read()), first.process.pid, "pid in the file")
    expect_equal(first.stop(), 0, "exit status")
    expect(not os.path.exists(pid_file), "the pid file goes with the daemon")


def daemon_and_command_agree_where_the_socket_is():
    folder = Folder()
    for name, env in (("XDG_RUNTIME_DIR", {"XDG_RUNTIME_DIR": folder.path, "ADIEU_SOCKET": ""}),
                      ("ADIEU_SOCKET", {"ADIEU_SOCKET": folder.file("other.sock")})):
        env = {k: v for k, v in {**os.environ, **env}.items() if v}
        daemon = Adieu()
        process = Process([os.path.join(build_folder(), "adieud"), "-f", daemon.config], env)
        process.wait_for_line('msg="ready"')
        done = subprocess.run([os.path.join(build_folder(), "adieu"), "--json", "version"], capture_output=True, text=True,
                              env=env, timeout=PATIENCE_S)
        expect_equal(done.returncode, 0, f"exit status by {name} ({done.stderr})")
        expect_equal(json.loads(done.stdout)["pid"], process.pid, f"pid by {name}")
        expect_equal(process.stop(), 0, "exit status of the daemon")


# ---------------------------------------------------------------- with sessions

class World:
    def __init__(self):
        self.callee_port = free_port()
        self.daemon = Adieu(bindings=bindings(self.callee_port), workers=2).start()
        self.calls = Calls(self.daemon, self.callee_port, CALLS)

    def adieu(self, *arguments):
        return self.daemon.adieu(*arguments)

    def json(self, *arguments):
        return self.daemon.json(*arguments)


def sessions_are_listed_in_pages(world):
    everything = world.json("sessions", "--limit", "0")
    expect_equal(len(everything["sessions"]), CALLS, "sessions with --limit 0")
    expect("next" not in everything, "there is no next page after all")
    seen, cursor = [], None
    for _ in range(CALLS):
        page = world.json("sessions", "--limit", "4", *(["--cursor", cursor] if cursor else []))
        expect(len(page["sessions"]) <= 4, "a page is longer than asked for")
        seen += [s["id"] for s in page["sessions"]]
        cursor = page.get("next")
        if not cursor:
            break
    expect_equal(sorted(seen), sorted(s["id"] for s in everything["sessions"]), "sessions of all pages")
    expect(len({i.split("-")[0] for i in seen}) == 2, "both shards have sessions")
    expect_equal(len(world.json("sessions", "--user", "sip:bob@ims.example")["sessions"]), CALLS, "sessions of bob")
    expect_equal(world.json("sessions", "--user", "sip:nobody@ims.example")["sessions"], [], "sessions of nobody")
    expect_equal(world.json("sessions", "--state", "establishing")["sessions"], [], "sessions being established")
    expect_equal(world.adieu("sessions", "--state", "sleeping")[0], 2, "exit status for a state that is none")
    expect_equal(world.adieu("sessions", "--cursor", "9:x")[0], 2, "exit status for a cursor that is none")
    status, out, err = world.adieu("sessions", "--limit", "3")
    expect_equal(status, 0, "exit status")
    expect(out.splitlines()[0].split() == ["ID", "STATE", "AGE", "CALLING", "CALLED", "CALL-ID"], f"titles: {out}")
    expect("more: --cursor" in err, f"no word about more sessions: {err}")


def one_session_by_id_and_by_call_id(world):
    listed = world.json("sessions", "--limit", "1")["sessions"][0]
    by_id, by_call_id = world.json("show", listed["id"]), world.json("show", listed["call_id"])
    expect_equal(by_id["id"], by_call_id["id"], "by id and by Call-ID")
    expect_equal(by_id["state"], "confirmed", "state")
    expect_equal(by_id["calling"], "sip:alice@ims.example", "calling user")
    expect_equal([r["method"] for r in by_id["journal"]].count("INVITE") >= 2, True, "journal")
    expect_equal(by_id["dialogs"][0]["callee"]["outcome"], "not asked", "outcome of a session that stands")
    expect(world.json("show", "last")["id"] in [s["id"] for s in world.json("sessions", "--limit", "0")["sessions"]],
           "last is one of them")
    for command in ("show", "why", "trace"):
        status, out, _ = world.adieu(command, listed["id"])
        expect(status == 0 and listed["id"] in out, f"{command} printed {out!r}")
        expect_equal(world.adieu(command, "0-dead-beef")[0], 1, f"exit status of {command} for an unknown session")
        expect_equal(world.adieu(command, "no such Call-ID")[0], 1, f"exit status of {command} for an unknown Call-ID")
        expect_equal(world.json(command, listed["id"])["id"], listed["id"], f"{command} as JSON")


def a_release_of_one_says_what_came_of_each_leg(world):
    victim = world.json("sessions", "--limit", "1")["sessions"][0]
    dry = world.json("release", victim["id"], "--dry-run")
    expect_equal((dry["found"], dry["begun"]), (1, 0), "dry run")
    status, out, err = world.adieu("release", victim["call_id"], "--reason", "503", "--text", "Maintenance")
    expect_equal(status, 0, f"exit status ({err})")
    expect("dialog 1: caller 200, callee 200\n" in out, f"it printed {out!r}")
    status, _, err = world.adieu("release", victim["id"])
    expect_equal(status, 1, "exit status of a second release")
    expect("ended already" in err, f"it said {err!r}")
    expect_equal(world.adieu("release", victim["id"], "--reason", "200")[0], 2, "exit status for Reason 200")
    status, out, _ = world.adieu("why", victim["id"])
    expect("503" in out and "5.4.5.1.2" in out, f"why: {out}")


def a_release_of_a_user_needs_a_uri(world):
    status, _, err = world.adieu("release", "--user", "bob")
    expect_equal(status, 2, "exit status for a user that is no URI")
    expect("must be a URI" in err, f"it said {err!r}")
    status, out, _ = world.adieu("release", "--user", "sip:nobody@ims.example")
    expect_equal(status, 0, "exit status for a user without a session")
    expect("no session of this user" in out, f"it printed {out!r}")


class HangingCall:
    """A call whose called party answers the INVITE and then nothing more; the calling party is played here, too."""

    def __init__(self, daemon, callee):
        self.daemon, self.callee = daemon, callee
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        for s in (self.socket, callee):
            s.settimeout(PATIENCE_S)
        self.port, self.routes, self.to = self.socket.getsockname()[1], [], "<sip:bob@ims.example>"
        self.call_id = f"hangs-{self.port}"
        self.send("INVITE", 1, "sip:bob@ims.example")
        invite, address = self.hear(callee, "INVITE")
        head = invite.split("\r\n\r\n")[0].split("\r\n")[1:]
        kept = [line for line in head if line.split(":")[0].lower() in ("via", "from", "call-id", "cseq", "record-route")]
        callee.sendto("\r\n".join(["SIP/2.0 200 OK", *kept, "To: <sip:bob@ims.example>;tag=b",
                                   f"Contact: <sip:bob@127.0.0.1:{callee.getsockname()[1]}>", "Content-Length: 0", "", ""]).encode(), address)
        answer, _ = self.hear(self.socket, "SIP/2.0 200")
        self.routes = [line.partition(":")[2].strip() for line in answer.split("\r\n") if line.lower().startswith("record-route:")]
        self.to = "<sip:bob@ims.example>;tag=b"
        self.target = f"sip:bob@127.0.0.1:{callee.getsockname()[1]}"
        self.send("ACK", 1, self.target)
        self.hear(callee, "ACK")

    def hear(self, s, beginning):
        while True:
            data, address = s.recvfrom(65536)
            if data.decode().startswith(beginning):
                return data.decode(), address

    def send(self, method, cseq, target):
        lines = [f"{method} {target} SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{self.call_id}{method}", "Max-Forwards: 70",
                 *(f"Route: {r}" for r in self.routes), "From: <sip:alice@ims.example>;tag=a", f"To: {self.to}", f"Call-ID: {self.call_id}",
                 f"CSeq: {cseq} {method}", f"Contact: <sip:alice@127.0.0.1:{self.port}>", "Content-Length: 0", "", ""]
        self.socket.sendto("\r\n".join(lines).encode(), ("127.0.0.1", self.daemon.port))


def a_bye_that_hangs_is_told_and_outlives_an_order():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(("127.0.0.1", 0))
        daemon = Adieu(bindings=bindings(callee.getsockname()[1]), workers=2).start()
        call = HangingCall(daemon, callee)
        call.send("BYE", 2, call.target)
        call.hear(callee, "BYE")
        listed = daemon.json("sessions")["sessions"]
        expect_equal([s["state"] for s in listed], ["terminating"], "state of a session whose BYE hangs")
        expect_equal(len(daemon.json("sessions", "--state", "terminating")["sessions"]), 1, "sessions by that state")
        expect_equal(daemon.json("sessions", "--state", "confirmed")["sessions"], [], "and it is not confirmed")
        said = daemon.json("why", call.call_id)
        expect("The calling party hung up (BYE at " in said["text"] and "Timer F" in said["text"], f"why: {said['text']}")
        wait = said["waits_for"][0]
        expect_equal((wait["of"], wait["bye_of"]), ("callee", "caller"), "who is waited for, and whose BYE it is")
        expect(0 < wait["left_ms"] <= 32000, f"how long still: {wait}")
        expect_equal(daemon.adieu("release", call.call_id, "--no-wait")[0], 0, "exit status of an order while it hangs")
        again = Process([os.path.join(build_folder(), "adieu"), "-s", daemon.socket, "release", call.call_id, "--reason", "503"])
        again.wait_for_line("is ending already")
        expect("the reason given now is not used" in again.text(), f"the second order said {again.text()!r}")
        bye, address = call.hear(callee, "BYE")
        head = bye.split("\r\n\r\n")[0].split("\r\n")[1:]
        kept = [line for line in head if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq")]
        callee.sendto("\r\n".join(["SIP/2.0 481 Gone", *kept, "Content-Length: 0", "", ""]).encode(), address)
        expect_equal(again.wait(), 0, "exit status of the second order, which has waited")
        expect("dialog 1: caller sent BYE, callee 481" in again.text(), f"the second order printed {again.text()!r}")
        expect_equal(daemon.counters()["byes_sent"], 0, "BYEs of the server")
        expect_equal(daemon.json("show", call.call_id)["end"], "BYE of the calling party", "end")
        call.socket.close()
        expect_equal(daemon.stop(), 0, "exit status of the daemon")


def progress_and_stop(world):
    order = world.json("release", "--user", "sip:bob@ims.example", "--rate", "2", "--no-wait")["order"]
    progress = world.json("progress", str(order))
    expect(progress["running"] and progress["ended"] < CALLS - 1, f"progress: {progress}")
    expect_equal(world.adieu("stop", str(order))[0], 0, "exit status of stop")
    stopped = wait_until(lambda: (lambda p: p if not p["running"] else None)(world.json("progress", str(order))),
                         "the end of a stopped order")
    expect(stopped["stopped"] and stopped["ended"] < CALLS - 1, f"progress of a stopped order: {stopped}")
    expect_equal(world.adieu("progress", "4000000000")[0], 1, "exit status for an unknown order")
    expect_equal(world.adieu("stop", "4000000000")[0], 1, "exit status for an unknown order")


def an_interrupt_leaves_the_order_at_work(world):
    before = world.daemon.counters()["releases_ordered"]
    waiting = Process([os.path.join(build_folder(), "adieu"), "-s", world.daemon.socket, "release", "--all",
                       "--rate", "2"])
    wait_until(lambda: world.daemon.counters()["releases_ordered"] > before, "the order at work")
    waiting.signal(signal.SIGINT)
    expect_equal(waiting.wait(), 130, "exit status of an interrupted release")
    expect("goes on" in waiting.text() and "adieu progress" in waiting.text(), f"it said {waiting.text()!r}")
    left = world.daemon.gauges()["sessions"]
    status, out, err = world.adieu("release", "--all", "--rate", "1000")
    expect_equal(status, 0, f"exit status of the second order ({err})")
    wait_until(lambda: world.daemon.gauges()["sessions"] == 0, f"the end of {left} sessions")
    world.calls.expect_success()
    counters = world.daemon.counters()
    expect_equal(counters["byes_sent"], 2 * CALLS, "BYEs of all sessions together: one for each leg, whatever was ordered twice")
    expect_equal(counters["byes_answered"], 2 * CALLS, "of these answered")


def ended_sessions_come_newest_first(world):
    """Of all workers together, in pages as well as in one."""
    everything = world.json("sessions", "--ended", "--limit", "0")["sessions"]
    expect_equal(len(everything), CALLS, "ended sessions")
    ends = [s["ended_at_ms"] for s in everything]
    # Each worker reckons the wall clock anew for each answer: a millisecond may lie between two.
    expect(all(a >= b - 2 for a, b in zip(ends, ends[1:])), f"ends {ends}")
    expect(len({s["id"].split("-")[0] for s in everything}) == 2, "sessions of both workers")
    seen, cursor = [], None
    while cursor or not seen:
        page = world.json("sessions", "--ended", "--limit", "3", *(["--cursor", cursor] if cursor else []))
        seen += [s["id"] for s in page["sessions"]]
        cursor = page.get("next")
    expect_equal(seen, [s["id"] for s in everything], "the same in pages")
    status, out, _ = world.adieu("sessions", "--ended", "--limit", "1")
    expect(status == 0 and re.search(r"\bENDED\b", out) and everything[0]["id"] in out, f"it printed {out!r}")
    expect_equal(world.adieu("sessions", "--ended", "--cursor", "1:2")[0], 2, "exit status for a cursor that is not ours")


def users_and_counters(world):
    users = world.json("users")["users"]
    expect_equal([(u["user"], u["static"]) for u in users], [("sip:bob@ims.example", True)], "users")
    counters = world.json("counters")
    expect_equal(counters["gauges"]["bindings"], 1, "bindings are counted once, not once for each shard")
    expect(counters["counters"]["messages_in"] >= 4 * CALLS, "messages in")
    expect(counters["io"]["datagrams_in"] >= counters["counters"]["messages_in"], "datagrams in")
    status, out, _ = world.adieu("counters")
    expect(status == 0 and "sessions_begun" in out, f"counters: {out}")


# ---------------------------------------------------------------- protocol

def ask(daemon, text):
    """Raw bytes to the socket; the lines that come back."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE_S)
        s.connect(daemon.socket)
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return [json.loads(line) for line in got.splitlines()]


def exchange(daemon, line, n=1):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE_S)
        s.connect(daemon.socket)
        s.sendall(line)
        file = s.makefile("rb")
        return [json.loads(file.readline()) for _ in range(n)]


def errors_of_the_protocol(world):
    daemon = world.daemon

    def code(text):
        return exchange(daemon, text + b"\n")[0]["error"]["code"]

    expect_equal(code(b"{"), -32700, "not JSON")
    expect_equal(code(b'{"a":1,"a":2}'), -32700, "a name twice")
    expect_equal(code(b"[]"), -32600, "an empty array")
    expect_equal(code(b"42"), -32600, "not an object")
    expect_equal(code(b'{"id":1,"method":"version"}'), -32600, "no version")
    expect_equal(code(b'{"jsonrpc":"2.0","id":{},"method":"version"}'), -32600, "an object as id")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"dance"}'), -32601, "no such method")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"release","params":{"user":"sip:a@b","al":true}}'), -32602,
                 "an unknown parameter")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"release","params":{}}'), -32602, "no selector")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"sessions","params":{"limit":"1"}}'), -32602, "a text for a number")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"sessions","params":[1]}'), -32602, "parameters by place")
    expect_equal(code(b'{"jsonrpc":"2.0","id":1,"method":"show","params":{"id":"x"}}'), -32001, "an unknown session")
    expect_equal(code(b"x" * 70000), -32600, "a line that is too long")
    batch = exchange(daemon, b'[{"jsonrpc":"2.0","id":1,"method":"version"},{"jsonrpc":"2.0","method":"version"},7,'
                             b'{"jsonrpc":"2.0","id":"b","method":"dance"}]\n')[0]
    expect_equal([a["id"] for a in batch], [1, None, "b"], "ids of a batch")
    expect_equal([a.get("error", {}).get("code") for a in batch], [None, -32600, -32601], "codes of a batch")
    answers = exchange(daemon, b'{"jsonrpc":"2.0","method":"version"}\n{"jsonrpc":"2.0","id":9,"method":"version"}\n')
    expect_equal(answers[0]["id"], 9, "a notification is not answered")
    expect_equal(ask(daemon, b'{"jsonrpc":"2.0","id":1,"method":"vers'), [], "half a line")


def too_many_clients_and_one_that_does_not_read(world):
    sockets = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.connect(world.daemon.socket)
        sockets.append(s)
    expect(world.adieu("version")[0] == 3, "the 41st client is turned away")
    lazy = sockets[0]
    lazy.settimeout(1)
    try:
        for _ in range(20000):
            lazy.sendall(b'{"jsonrpc":"2.0","id":1,"method":"counters"}\n')
    except OSError:
        pass
    for s in sockets[1:]:
        s.close()
    wait_until(lambda: world.adieu("version")[0] == 0, "room for a client again")
    lazy.close()


# ---------------------------------------------------------------- reload, drain, stop

def reload_with_good_and_broken_files():
    callee_port = free_port()
    daemon = Adieu(bindings=bindings(callee_port), workers=2).start()
    calls = Calls(daemon, callee_port, 2)

    def users():
        return sorted(u["user"] for u in daemon.json("users")["users"])

    # A broken configuration: refused with its line, and nothing changes.
    daemon.folder.file("adieu.yaml", daemon.yaml + "colour: red\n")
    lines = len(daemon.yaml.splitlines())
    status, _, err = daemon.adieu("reload")
    expect_equal(status, 1, "exit status of a refused reload")
    expect(f"adieu.yaml:{lines + 1}: unknown key" in err, f"it said {err!r}")
    # A broken bindings file, by signal: the log says where.
    daemon.folder.file("adieu.yaml", daemon.yaml)
    daemon.folder.file("bindings", bindings(callee_port) + "nonsense\n")
    daemon.process.signal(signal.SIGHUP)
    daemon.process.wait_for_line(r"bindings:2: ")
    daemon.process.wait_for_line("the old configuration stays in force")
    expect_equal(users(), ["sip:bob@ims.example"], "users after refused reloads")
    # Good files: a user more, one less; what only a restart changes is named.
    daemon.folder.file("bindings", "sip:carol@ims.example <sip:carol@127.0.0.1:5999>\n")
    daemon.folder.file("adieu.yaml", daemon.yaml.replace("workers: 2", "workers: 1") + "limits:\n  retry_after: 77s\n")
    status, out, _ = daemon.adieu("reload")
    expect_equal(status, 0, "exit status of a good reload")
    expect("workers is changed by a restart only" in out, f"it printed {out!r}")
    expect_equal(users(), ["sip:carol@ims.example"], "users after a good reload")
    expect_equal(daemon.json("version")["shards"], 2, "workers stay")
    expect_equal(daemon.gauges()["sessions"], 2, "sessions stay")
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: daemon.process.text().count('msg="reloaded"') == 2, "a reload by signal")
    expect_equal(users(), ["sip:carol@ims.example"], "users after a reload of the same")
    # The new value is in force: a refused call shows it.
    daemon.adieu("drain")
    caller = refused_call(daemon.port)
    expect("SIP/2.0 503" in caller and "Retry-After: 77" in caller, f"answer to a call while draining: {caller!r}")
    daemon.adieu("release", "--all")
    calls.expect_success()
    expect_equal(daemon.stop(), 0, "exit status of the daemon")


def refused_call(port):
    """The final answer to an INVITE."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE_S)
        s.bind(("127.0.0.1", 0))
        here = s.getsockname()[1]
        s.sendto((f"INVITE sip:carol@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bKrefused{here}\r\n"
                  "Max-Forwards: 70\r\nFrom: <sip:alice@ims.example>;tag=1\r\nTo: <sip:carol@ims.example>\r\n"
                  f"Call-ID: refused-{here}\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@127.0.0.1:{here}>\r\n"
                  "Content-Length: 0\r\n\r\n").encode(), ("127.0.0.1", port))
        while True:
            answer = s.recv(65536).decode()
            if not answer.startswith("SIP/2.0 1"):
                return answer


def register(port, user, contact):
    """The final answer to a REGISTER."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE_S)
        s.bind(("127.0.0.1", 0))
        here = s.getsockname()[1]
        s.sendto((f"REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bKregister{here}\r\n"
                  f"Max-Forwards: 70\r\nFrom: <{user}>;tag=1\r\nTo: <{user}>\r\nCall-ID: register-{here}\r\n"
                  f"CSeq: 1 REGISTER\r\nContact: <{contact}>\r\nContent-Length: 0\r\n\r\n").encode(), ("127.0.0.1", port))
        return s.recv(65536).decode()


def contacts_are_taken_out():
    # @req RG-15
    daemon = Adieu(bindings="sip:dan@ims.example <sip:dan@127.0.0.1:5998>\n", workers=2).start()
    contacts = lambda: sorted(u["contact"] for u in daemon.json("users")["users"] if u["contact"])
    for n in (1, 2, 3):
        expect("SIP/2.0 200" in register(daemon.port, "sip:carol@ims.example", f"sip:carol@127.0.0.1:590{n}"), "REGISTER")
    expect_equal(len(contacts()), 4, "contacts")
    status, out, _ = daemon.adieu("deregister", "sip:carol@ims.example", "--contact", "sip:carol@127.0.0.1:5902")
    expect_equal((status, out), (0, "1 contacts taken out\n"), "one contact")
    expect("sip:carol@127.0.0.1:5902" not in contacts(), "the contact is gone")
    expect_equal(daemon.json("deregister", "sip:carol@ims.example")["contacts"], 2, "the others")
    for who in (["sip:carol@ims.example"], ["sip:nobody@ims.example"], ["nonsense"], ["sip:dan@ims.example"]):
        expect_equal(daemon.adieu("deregister", *who)[0], 1, f"exit status for {who}")
    expect_equal(contacts(), ["sip:dan@127.0.0.1:5998"], "that of the bindings file stays")
    expect_equal(daemon.adieu("deregister")[0], 2, "without a user")
    daemon.process.wait_for_line('msg="contacts taken out" user="sip:carol@ims.example" n=2')
    expect_equal(daemon.stop(), 0, "exit status of the daemon")


def drain_and_back():
    daemon = Adieu().start()
    expect_equal(daemon.json("drain")["draining"], True, "draining")
    expect_equal(daemon.json("version")["draining"], True, "draining, says version")
    expect("SIP/2.0 503" in refused_call(daemon.port), "a call while draining")
    expect_equal(daemon.json("drain", "--off")["draining"], False, "draining no more")
    expect("SIP/2.0 503" not in refused_call(daemon.port), "a call afterwards")
    expect_equal(daemon.stop(), 0, "exit status of the daemon")


def sigterm_waits_for_the_last_session():
    callee_port = free_port()
    daemon = Adieu(bindings=bindings(callee_port), workers=2).start()
    calls = Calls(daemon, callee_port, 3)
    daemon.process.signal(signal.SIGTERM)
    daemon.process.wait_for_line("draining; a second signal stops at once")
    expect("SIP/2.0 503" in refused_call(daemon.port), "a call after SIGTERM")
    expect(daemon.process.is_running(), "the daemon waits for its sessions")
    daemon.adieu("release", "--all")
    expect_equal(daemon.process.wait(), 0, "exit status after the last session")
    calls.expect_success()


def sigterm_gives_up_when_its_time_is_over():
    callee_port = free_port()
    daemon = Adieu(bindings=bindings(callee_port), more="drain: 200ms\n").start()
    calls = Calls(daemon, callee_port, 1)
    daemon.process.signal(signal.SIGTERM)
    expect_equal(daemon.process.wait(), 0, "exit status")
    daemon.process.wait_for_line("stopping with sessions left")
    calls.kill()


def a_second_signal_stops_at_once():
    callee_port = free_port()
    daemon = Adieu(bindings=bindings(callee_port), more="drain: 1h\n").start()
    calls = Calls(daemon, callee_port, 1)
    daemon.process.signal(signal.SIGINT)
    daemon.process.wait_for_line("draining; a second signal")
    daemon.process.signal(signal.SIGINT)
    expect_equal(daemon.process.wait(), 0, "exit status")
    daemon.process.wait_for_line("stopping at once")
    calls.kill()


def a_callee_that_is_not_there_is_known_at_once():
    """ICMP says that nobody listens (RFC 3261 §18.4): the caller need not wait for Timer B."""
    nobody = free_port()
    for transport in ("udp", "tcp"):
        daemon = Adieu(bindings=f"sip:carol@ims.example <sip:carol@127.0.0.1:{nobody};transport={transport}>\n").start()
        answer = refused_call(daemon.port)
        expect(re.match(r"SIP/2\.0 (408|480|500|503|504)", answer), f"the caller got {answer[:60]!r} over {transport}")
        expect_equal(daemon.stop(), 0, "exit status")


def main():
    tap = Tap()
    tap.case("usage: exit status 2", usage_is_exit_2)
    tap.case("no daemon: exit status 3", no_daemon_is_exit_3)
    tap.case("adieud -c prints file and line", the_check_prints_file_and_line)
    tap.case("a second daemon says what is taken", a_second_daemon_says_what_is_taken)
    tap.case("an abandoned socket is replaced, files go with the daemon", an_abandoned_socket_is_replaced)
    tap.case("daemon and command agree where the socket is", daemon_and_command_agree_where_the_socket_is)
    world = World()
    tap.case("sessions are listed in pages, filtered", sessions_are_listed_in_pages, world)
    tap.case("one session by id, by Call-ID, by last", one_session_by_id_and_by_call_id, world)
    tap.case("users and counters", users_and_counters, world)
    tap.case("errors of JSON-RPC 2.0", errors_of_the_protocol, world)
    tap.case("too many clients, one that does not read", too_many_clients_and_one_that_does_not_read, world)
    tap.case("release of one: what came of each leg", a_release_of_one_says_what_came_of_each_leg, world)
    tap.case("a release of a user needs a URI", a_release_of_a_user_needs_a_uri, world)
    tap.case("a BYE that hangs is told, and an order does not become the reason", a_bye_that_hangs_is_told_and_outlives_an_order)
    tap.case("progress and stop of an order", progress_and_stop, world)
    tap.case("Ctrl-C leaves the order at work, orders are idempotent", an_interrupt_leaves_the_order_at_work, world)
    tap.case("ended sessions come newest first", ended_sessions_come_newest_first, world)
    tap.equal(world.daemon.stop(), 0, "the daemon stops cleanly")
    world.calls.kill()
    tap.case("reload with good and broken files", reload_with_good_and_broken_files)
    tap.case("contacts are taken out by the operator", contacts_are_taken_out)
    tap.case("drain and back", drain_and_back)
    tap.case("SIGTERM waits for the last session", sigterm_waits_for_the_last_session)
    tap.case("SIGTERM gives up when its time is over", sigterm_gives_up_when_its_time_is_over)
    tap.case("a second signal stops at once", a_second_signal_stops_at_once)
    tap.case("a callee that is not there is known at once", a_callee_that_is_not_there_is_known_at_once)
    tap.end()


if __name__ == "__main__":
    main()
