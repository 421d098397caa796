#!/usr/bin/env python3
"""The demonstration: real calls through adieud and an application server on loopback, one released by the operator, the rest by a
de-registration, and the answer to "why did it end?".

Everything is real: the daemon with the configuration that is built into it and two users, SIPp as the telephones, a small proxy as the application
server. Nothing is left running."""

import argparse
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCENARIOS = os.path.join(ROOT, "etc", "demo")
DEFAULT_PORT = 5060
SERVER_PORT = 5090  # as in etc/demo/subscribers/alice.xml
PASSWORDS = {"alice": "wonderland", "bob": "builder"}
CALLS = 3
PATIENCE_S = 15


class Failed(Exception):
    pass


def expect(is_true, what):
    if not is_true:
        raise Failed(what)


def heading(text):
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def say(text):
    print(text, flush=True)


def is_free(port):
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as s:
                if kind == socket.SOCK_STREAM:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((host, port))
                except OSError:
                    return False
    return True


def free_port():
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if is_free(port):
            return port


def is_bound(port):
    """Does a datagram socket receive there? From the kernel's table, so that nothing has to be sent."""
    with open("/proc/net/udp") as table:
        return any(int(line.split()[1].split(":")[1], 16) == port for line in table.readlines()[1:])


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE_S
    pause = 0.005
    while True:
        found = condition()
        if found:
            return found
        expect(time.monotonic() < end, f"{what}: not within {PATIENCE_S} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


class Demo:
    def __init__(self, build):
        self.adieud = os.path.abspath(os.path.join(build, "adieud"))
        self.command = os.path.abspath(os.path.join(build, "adieu"))
        self.folder = tempfile.mkdtemp(prefix="adieu-demo-")
        self.socket = os.path.join(self.folder, "adieu.sock")
        self.port = DEFAULT_PORT
        self.running = []

    # ------------------------------------------------------------ processes

    def start(self, command, log):
        with open(os.path.join(self.folder, log), "wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       cwd=self.folder, env={**os.environ, "TERM": "dumb"})
        self.running.append(process)
        return process

    def wait(self, process, what):
        try:
            status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{what}: still running after {PATIENCE_S} s")
        self.running.remove(process)
        return status

    def stop_all(self):
        for process in self.running:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sipp(self, name, port, calls, *more):
        return self.start(["sipp", f"127.0.0.1:{self.port}", "-sf", os.path.join(SCENARIOS, f"{name}.xml"),
                           "-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-nostdin",
                           "-timeout", f"{PATIENCE_S}s", "-timeout_error", "-trace_err",
                           "-error_file", os.path.join(self.folder, f"{name}.errors"), *more], f"{name}.log")

    def adieu(self, *arguments, shown=True):
        """The operator's command, as one would type it."""
        if shown:
            say(f"$ adieu {' '.join(arguments)}")
        done = subprocess.run([self.command, "-s", self.socket, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        if shown:
            say(done.stdout.rstrip("\n"))
        expect(done.returncode == 0, f"adieu {' '.join(arguments)}: exit status {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.adieu("--json", *arguments, shown=False))

    # ------------------------------------------------------------ steps

    def start_server(self):
        heading("An application server: a proxy that stays in the path of Alice's calls")
        self.server_port = SERVER_PORT if is_free(SERVER_PORT) else free_port()
        self.server = self.start([sys.executable, os.path.join(SCENARIOS, "application_server.py"), str(self.server_port)], "server.log")
        wait_until(lambda: is_bound(self.server_port), "the application server")
        say(f"It listens on 127.0.0.1:{self.server_port}; her initial filter criteria name it:")
        with open(self.write_users()) as alice:
            criteria = alice.read().partition("<InitialFilterCriteria>")[2].partition("</InitialFilterCriteria>")[0]
        say("    <InitialFilterCriteria>\n" + criteria.strip("\n").rstrip() + "\n    </InitialFilterCriteria>")

    def write_users(self):
        """The folder of docs/subscribers.md with Alice and Bob; where Alice is. SIPp knows no algorithm but MD5, and gives up when another one is
        offered beside it: so there is no password, but its hash."""
        folder = os.path.join(self.folder, "subscribers")
        os.mkdir(folder)
        for user in PASSWORDS:
            with open(os.path.join(SCENARIOS, "subscribers", f"{user}.xml")) as example:
                text = example.read().replace(f":{SERVER_PORT};", f":{self.server_port};")
            with open(os.path.join(folder, f"{user}.xml"), "w") as file:
                file.write(text)
        credentials = os.open(os.path.join(folder, "credentials.yaml"), os.O_WRONLY | os.O_CREAT, 0o600)
        with open(credentials, "w") as file:
            for user, password in PASSWORDS.items():
                md5 = hashlib.md5(f"{user}@ims.example:ims.example:{password}".encode()).hexdigest()
                file.write(f"{user}@ims.example: {{md5: {md5}}}\n")
        return os.path.join(folder, "alice.xml")

    def start_daemon(self):
        heading("The daemon, with the configuration that is built into it and these users")
        if not is_free(DEFAULT_PORT):
            self.port = free_port()
            say(f"Port {DEFAULT_PORT} is taken on this machine: port {self.port} instead.")
        self.start_adieud(self.write_configuration())

    def start_adieud(self, configuration):
        self.daemon = self.start([self.adieud, "-s", self.socket, "-f", configuration], "adieud.log")

        def is_ready():
            expect(self.daemon.poll() is None, f"adieud stopped at once:\n{self.log('adieud.log')}")
            return 'msg="ready"' in self.log("adieud.log")

        wait_until(is_ready, "adieud")
        self.adieu("version")

    def write_configuration(self):
        """etc/adieu.yaml is what is built into the daemon; here on our port and with our users."""
        with open(os.path.join(ROOT, "etc", "adieu.yaml")) as default:
            text = default.read().replace(f":{DEFAULT_PORT}\n", f":{self.port}\n")
        with_users = text.replace('subscribers: ""', "subscribers: subscribers")
        expect(with_users != text, "etc/adieu.yaml has no place for the users")
        path = os.path.join(self.folder, "adieu.yaml")
        with open(path, "w") as file:
            file.write(with_users)
        return path

    def log(self, name):
        with open(os.path.join(self.folder, name), errors="replace") as file:
            return file.read()

    def register(self, user, contact_port, expires=600):
        registration = self.sipp("register", free_port(), 1, "-key", "user", user, "-key", "contact_port", str(contact_port),
                                 "-key", "expires", str(expires), "-au", f"{user}@ims.example", "-ap", PASSWORDS[user],
                                 "-auth_uri", "ims.example")
        expect(self.wait(registration, f"the registration of {user}") == 0,
               f"the registration of {user} failed:\n{self.errors('register')}")

    def make_calls(self):
        heading(f"Alice and Bob register with Digest, and she calls him {CALLS} times (SIPp plays both)")
        callee_port, self.caller_port = free_port(), free_port()
        self.callee = self.sipp("callee", callee_port, CALLS)
        wait_until(lambda: is_bound(callee_port), "Bob's telephone")
        self.register("alice", self.caller_port)
        self.register("bob", callee_port)
        self.adieu("users")
        self.caller = self.sipp("caller", self.caller_port, CALLS, "-r", "20")

        def all_stand():
            sessions = self.json("sessions", "--state", "confirmed")["sessions"]
            return sessions if len(sessions) == CALLS else None

        self.sessions = wait_until(all_stand, f"{CALLS} calls")
        say("")
        self.adieu("sessions")

    def errors(self, name):
        path = os.path.join(self.folder, f"{name}.errors")
        return self.log(f"{name}.errors") if os.path.exists(path) else ""

    def release_one(self):
        released = self.sessions[0]["id"]
        heading("The operator releases one of them: a BYE to each side, and one through the application server as if Alice had sent it")
        self.adieu("release", released, "--reason", "503")
        session = self.json("show", released)
        expect(session["state"] == "ended", f"the session is {session['state']}")
        seen = self.expect_one_bye_at_the_server(session["call_id"])
        say(f"\nThe application server has seen of this call: {', '.join(seen)}.")
        heading("What happened? The ladder, with the clause beside each step that the server decided")
        trace = self.adieu("trace", released)
        expect(trace.count("BYE") >= 3 and "5.4.5.1.2" in trace and "server 1" in trace, "the ladder shows no release through the server")
        heading("And why did it end?")
        why = self.adieu("why", released)
        expect("5.4.5.1.2" in why, "the reason names no clause")

    def seen_by_the_server(self, call_id):
        return [line.split()[0] for line in self.log("server.log").splitlines() if line.split()[1:] == [call_id]]

    def expect_one_bye_at_the_server(self, call_id):
        seen = self.seen_by_the_server(call_id)
        expect(seen == ["INVITE", "ACK", "BYE"], f"the application server has seen {seen}")
        return seen

    def deregister(self):
        heading("Alice's telephone is switched off: her registration ends, and with it the rest of her calls")
        self.register("alice", self.caller_port, expires=0)
        for process, name in ((self.caller, "caller"), (self.callee, "callee")):
            status = self.wait(process, f"SIPp as {name}")
            expect(status == 0, f"SIPp as {name} is not content (exit status {status}):\n{self.errors(name)}")
        wait_until(lambda: self.json("counters")["gauges"]["sessions"] == 0, "the end of all sessions")
        self.adieu("sessions", "--ended")
        for session in self.sessions[1:]:
            self.expect_one_bye_at_the_server(session["call_id"])
        counters = self.json("counters")
        expect(counters["gauges"]["dialogs"] == 0, "there are dialogs left")
        sent, answered = (counters["counters"][name] for name in ("byes_sent", "byes_answered"))
        expect(sent == answered and sent >= 3 * CALLS, f"{sent} BYEs sent, {answered} answered, expected {3 * CALLS}")
        say(f"\nBoth SIPps are content with all {CALLS} calls, the application server has seen one BYE of each; {sent} BYEs were sent and "
            "answered, no session and no dialog is left.")

    def stop_daemon(self):
        heading("Stop")
        self.daemon.terminate()
        status = self.wait(self.daemon, "adieud")
        expect(status == 0, f"adieud ended with {status}:\n{self.log('adieud.log')}")
        say("adieud has stopped cleanly.")

    def run(self):
        self.start_server()
        self.start_daemon()
        self.make_calls()
        self.release_one()
        self.deregister()
        self.stop_daemon()


def scene(name):
    if name == "release":
        return Demo
    from demo_srvcc import Srvcc
    return Srvcc


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="the build folder with adieud and adieu")
    parser.add_argument("--scene", choices=("release", "srvcc"), default="release",
                        help="release (the default): by the operator and by a de-registration; srvcc: access transfer, the race won and lost")
    arguments = parser.parse_args()
    demo = scene(arguments.scene)(arguments.build)
    try:
        demo.run()
    except (Failed, OSError, subprocess.SubprocessError) as why:
        print(f"\ndemo: {why}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        demo.stop_all()


if __name__ == "__main__":
    sys.modules["demo"] = sys.modules["__main__"]  # so that a scene and this file mean the same class by Failed
    main()
