#!/usr/bin/env python3
"""The demonstration: real calls through adieud on loopback, one released by the operator, and the answer to "why did it end?".

Everything is real: the daemon with its embedded default configuration, SIPp as the telephones. Nothing is left running."""

import argparse
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
INSTALLED_FILE = "/etc/adieu/adieu.yaml"
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

    def start_daemon(self):
        heading("The daemon, with the configuration that is built into it")
        arguments = []
        if not is_free(DEFAULT_PORT):
            self.port = free_port()
            say(f"Port {DEFAULT_PORT} is taken on this machine: the same configuration on port {self.port} instead.")
            arguments = self.same_configuration()
        elif os.path.exists(INSTALLED_FILE):
            say(f"{INSTALLED_FILE} is not looked at: the same configuration as a file instead.")
            arguments = self.same_configuration()
        self.daemon = self.start([self.adieud, "-s", self.socket, *arguments], "adieud.log")

        def is_ready():
            expect(self.daemon.poll() is None, f"adieud stopped at once:\n{self.log('adieud.log')}")
            return 'msg="ready"' in self.log("adieud.log")

        wait_until(is_ready, "adieud")
        self.adieu("version")

    def same_configuration(self):
        """etc/adieu.yaml is what is built into the daemon; here on our port."""
        with open(os.path.join(ROOT, "etc", "adieu.yaml")) as default:
            text = default.read().replace(f":{DEFAULT_PORT}\n", f":{self.port}\n")
        path = os.path.join(self.folder, "adieu.yaml")
        with open(path, "w") as file:
            file.write(text)
        return ["-f", path]

    def log(self, name):
        with open(os.path.join(self.folder, name), errors="replace") as file:
            return file.read()

    def make_calls(self):
        heading(f"Bob registers, and Alice calls him {CALLS} times (SIPp plays both)")
        callee_port = free_port()
        self.callee = self.sipp("callee", callee_port, CALLS)
        wait_until(lambda: is_bound(callee_port), "Bob's telephone")
        registration = self.sipp("register", free_port(), 1, "-key", "callee_port", str(callee_port))
        expect(self.wait(registration, "the registration") == 0, f"the registration failed:\n{self.errors('register')}")
        self.adieu("users")
        self.caller = self.sipp("caller", free_port(), CALLS, "-r", "20")

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
        heading("The operator releases one of them: a BYE to each side")
        self.adieu("release", released, "--reason", "503")
        session = self.json("show", released)
        outcomes = [(d["caller"].get("status"), d["callee"].get("status")) for d in session["dialogs"]]
        expect(outcomes == [(200, 200)], f"the BYEs were not both answered 200: {outcomes}")
        expect(session["state"] == "ended", f"the session is {session['state']}")
        heading("What happened? The ladder, with the clause beside each step that the server decided")
        trace = self.adieu("trace", released)
        expect(trace.count("BYE") >= 2 and "5.4.5.1.2" in trace, "the ladder shows no release")
        heading("And why did it end?")
        why = self.adieu("why", released)
        expect("5.4.5.1.2" in why, "the reason names no clause")

    def release_the_rest(self):
        heading("The rest goes as well")
        self.adieu("release", "--all")
        for process, name in ((self.caller, "caller"), (self.callee, "callee")):
            status = self.wait(process, f"SIPp as {name}")
            expect(status == 0, f"SIPp as {name} is not content (exit status {status}):\n{self.errors(name)}")
        self.adieu("sessions", "--ended")
        counters = self.json("counters")
        expect(counters["gauges"]["sessions"] == 0, "there are sessions left")
        expect(counters["gauges"]["dialogs"] == 0, "there are dialogs left")
        byes = counters["counters"]["byes_sent"]
        expect(byes == counters["counters"]["byes_answered"] == 2 * CALLS, f"{byes} BYEs sent, expected {2 * CALLS}")
        say(f"\nBoth SIPps are content with all {CALLS} calls; {byes} BYEs were sent and answered, no session and no dialog is left.")

    def stop_daemon(self):
        heading("Stop")
        self.daemon.terminate()
        status = self.wait(self.daemon, "adieud")
        expect(status == 0, f"adieud ended with {status}:\n{self.log('adieud.log')}")
        say("adieud has stopped cleanly.")

    def run(self):
        self.start_daemon()
        self.make_calls()
        self.release_one()
        self.release_the_rest()
        self.stop_daemon()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="the build folder with adieud and adieu")
    demo = Demo(parser.parse_args().build)
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
    main()
