"""Real peers for the tests: adieud, SIPp, Kamailio and tshark on loopback, on free ports, waited for by event, always stopped."""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE_S = float(os.environ.get("ADIEU_PATIENCE_S", 30))  # for anything that should take milliseconds


class Tap:
    """Test Anything Protocol on stdout; exit status 1 when something is not ok."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, is_ok, name, detail=""):
        self.n += 1
        if not is_ok:
            self.failed += 1
        print(f"{'ok' if is_ok else 'not ok'} {self.n} - {name}", flush=True)
        if not is_ok and detail:
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)
        return is_ok

    def equal(self, found, expected, name):
        return self.ok(found == expected, name, f"found {found!r}, expected {expected!r}")

    def case(self, name, function, *args):
        """One test per function: it returns nothing when all is well, and raises otherwise."""
        try:
            function(*args)
        except Exception as why:  # a test that cannot run has failed
            self.ok(False, name, f"{type(why).__name__}: {why}")
        else:
            self.ok(True, name)

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def end(self):
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed else 0)


class Failure(Exception):
    pass


def expect(is_true, what):
    if not is_true:
        raise Failure(what)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Asks again and again, a little later each time, until the condition holds; returns what it gave."""
    pause, end = 0.002, time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {patience_s} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


# ---------------------------------------------------------------- ports

_given = set()


def is_free(port, hosts=("127.0.0.1", "::1")):
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as s:
                try:
                    s.bind((host, port))
                except OSError:
                    return False
    return True


def free_port(width=1):
    """A port that is free for UDP and TCP on both loopback addresses, and so are `width` - 1 after it."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        ports = range(port, port + width)
        if port + width < 65000 and all(p not in _given and is_free(p) for p in ports):
            _given.update(ports)
            return port


def is_bound(port, transport):
    """Does any socket of this machine receive there? From the tables of the kernel, so that nothing is sent to it."""
    state = {"tcp": "0A", "udp": "07"}[transport]
    for name in (transport, transport + "6"):
        try:
            with open(f"/proc/net/{name}") as table:
                for line in table.readlines()[1:]:
                    fields = line.split()
                    if fields[3] == state and int(fields[1].split(":")[1], 16) == port:
                        return True
        except FileNotFoundError:
            pass
    return False


# ---------------------------------------------------------------- processes

_running = []


def _stop_all():
    for process in list(_running):
        process.kill()


atexit.register(_stop_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Process:
    """A peer: its output is read all the time, and can be waited for."""

    def __init__(self, command, env=None, cwd=None):
        self.command = command
        self.lines, self.changed = [], threading.Condition()
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TERM": "dumb", **(env or {})},
            cwd=cwd,
        )
        _running.append(self)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\r\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_for_line(self, pattern, patience_s=PATIENCE_S, after=0):
        """The first line from number `after` on that has the pattern."""
        found = []

        def look():
            found[:] = [line for line in self.lines[after:] if re.search(pattern, line)]
            return bool(found) or self.popen.poll() is not None and not self.reader.is_alive()

        with self.changed:
            self.changed.wait_for(look, patience_s)
        if not found:
            raise Failure(f"{self.command[0]}: no line with {pattern!r}; it said:\n{self.text()}")
        return found[0]

    def is_running(self):
        return self.popen.poll() is None

    def wait(self, patience_s=PATIENCE_S):
        """Exit status."""
        try:
            status = self.popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{' '.join(self.command)}: still running after {patience_s} s; it said:\n{self.text()}")
        self.reader.join(5)
        if self in _running:
            _running.remove(self)
        return status

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        if self in _running:
            _running.remove(self)

    def stop(self, patience_s=PATIENCE_S):
        """SIGTERM, and the exit status."""
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(patience_s)


class Folder:
    """A temporary folder that goes away with the program."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="adieu-test-")
        atexit.register(shutil.rmtree, self.path, True)

    def file(self, name, text=None):
        path = os.path.join(self.path, name)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return path


# ---------------------------------------------------------------- adieud

def build_folder():
    if "ADIEU_BUILD" not in os.environ:
        sys.exit("ADIEU_BUILD must name the build folder with adieud and adieu")
    return os.environ["ADIEU_BUILD"]


class Adieu:
    """A daemon with its own configuration, socket and ports, and the operator's command for it."""

    def __init__(self, bindings="", more="", workers=1, listen=None, scscf="", arguments=(), env=None, build=None):
        self.build = build or build_folder()
        self.folder = Folder()
        self.port = free_port()
        self.socket = self.folder.file("adieu.sock")
        self.bindings = self.folder.file("bindings", bindings)
        points = listen or [f"{t}:{h}:{self.port}" for t in ("udp", "tcp") for h in ("127.0.0.1", "[::1]")]
        self.yaml = (
            f"workers: {workers}\nlisten:\n"
            + "".join(f"  - {p}\n" for p in points)
            + f"scscf:\n  domains: [ims.example]\n  bindings: bindings\n{scscf}{more}"
        )
        self.config = self.folder.file("adieu.yaml", self.yaml)
        self.arguments, self.env = list(arguments), env
        self.process = None

    def start(self):
        command = [os.path.join(self.build, "adieud"), "-f", self.config, "-s", self.socket, *self.arguments]
        self.process = Process(command, self.env)
        self.process.wait_for_line('msg="ready"')
        return self

    def adieu(self, *arguments, patience_s=PATIENCE_S):
        """The operator's command: exit status, stdout, stderr."""
        done = subprocess.run(
            [os.path.join(self.build, "adieu"), "-s", self.socket, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
        )
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments, patience_s=PATIENCE_S):
        status, out, err = self.adieu("--json", *arguments, patience_s=patience_s)
        if status != 0:
            raise Failure(f"adieu {' '.join(arguments)}: exit status {status}: {err}{out}")
        return json.loads(out)

    def gauges(self):
        return self.json("counters")["gauges"]

    def counters(self):
        return self.json("counters")["counters"]

    def wait_for_sessions(self, n, state="confirmed"):
        """Until there are `n` sessions in this state; their list."""

        def enough():
            sessions = self.json("sessions", "--limit", "0", "--state", state)["sessions"]
            return sessions if len(sessions) == n else None

        return [] if n == 0 and not self.json("sessions")["sessions"] else wait_until(
            enough, f"{n} sessions {state}"
        )

    def stop(self):
        """Exit status; what a sanitizer found makes it a failure."""
        return self.process.stop()


# ---------------------------------------------------------------- SIPp

class Sipp(Process):
    """One SIPp: callee (it is there when its port is bound) or caller."""

    def __init__(self, scenario, target, port, calls, transport="u1", host="127.0.0.1", more=(), trace=False):
        self.folder = Folder()
        self.port = port
        self.messages = self.folder.file("messages.log") if trace else None
        self.errors = self.folder.file("errors.log")
        path = scenario if os.path.isabs(scenario) else os.path.join(HERE, scenario)
        command = ["sipp", target, "-sf", path, "-i", host, "-p", str(port), "-m", str(calls), "-t", transport,
                   "-nostdin", "-max_socket", "1000", "-trace_err", "-error_file", self.errors,
                   "-timeout", f"{int(PATIENCE_S)}s", "-timeout_error",
                   *(["-trace_msg", "-message_file", self.messages] if trace else []), *more]
        super().__init__(command, cwd=self.folder.path)

    def wait_bound(self):
        kind = "udp" if "u" in self.command[self.command.index("-t") + 1] else "tcp"
        wait_until(lambda: is_bound(self.port, kind) or not self.is_running(), f"SIPp on port {self.port}")
        expect(self.is_running(), f"SIPp stopped at once:\n{self.text()[-2000:]}")
        return self

    def report(self):
        text = ""
        if os.path.exists(self.errors):
            with open(self.errors, errors="replace") as f:
                text = f.read()[-3000:]
        return f"{' '.join(self.command)}\n{text}"

    def expect_success(self, patience_s=PATIENCE_S + 10):
        status = self.wait(patience_s)
        expect(status == 0, f"exit status {status} of {self.report()}")


def messages_of_sipp(sipp):
    """The messages in its record: a heading with the number of bytes, an empty line, the bytes. Of a stream they may be several."""
    with open(sipp.messages, "rb") as f:
        text = f.read()
    heading = rb"(?:UDP|TCP) message (?:sent|received) [\[(](\d+)(?: bytes)?[\])](?: bytes)? ?:\n\n"
    for found in re.finditer(heading, text):
        rest = text[found.end():found.end() + int(found.group(1))]
        while rest:
            header, empty_line, body = rest.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", header)
            n = len(header) + len(empty_line) + (int(length.group(1)) if length else len(body))
            yield rest[:n]
            rest = rest[n:]


def write_pcap(path, messages, port):
    """A file of raw IPv4 with a UDP datagram for each message."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 228))
        for n, message in enumerate(messages):
            udp = struct.pack("!HHHH", port, port, 8 + len(message), 0) + message
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            out.write(struct.pack("<IIII", n, 0, 20 + len(udp), 20 + len(udp)) + ip + udp)


def host_in_uri(host):
    return f"[{host}]" if ":" in host else host


# ---------------------------------------------------------------- Kamailio

def children_of(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(name))
    return found


class Kamailio(Process):
    """A foreign proxy that record-routes and relays every request outside of a dialog to one next hop."""

    def __init__(self, next_hop_port, host="127.0.0.1"):
        self.folder = Folder()
        self.port = free_port()
        with open(os.path.join(HERE, "kamailio.cfg")) as f:
            text = f.read()
        modules = next(
            folder for folder in (
                "/usr/lib/x86_64-linux-gnu/kamailio/modules/", "/usr/lib/aarch64-linux-gnu/kamailio/modules/",
                "/usr/lib/kamailio/modules/", "/usr/lib64/kamailio/modules/")
            if os.path.isdir(folder))
        for name, value in (("HOST", host_in_uri(host)), ("PORT", self.port), ("NEXT_HOP", next_hop_port),
                            ("MODULES", modules)):
            text = text.replace(f"@{name}@", str(value))
        config = self.folder.file("kamailio.cfg", text)
        super().__init__(["kamailio", "-f", config, "-m", "64", "-M", "8", "-DD", "-E",
                          "-P", self.folder.file("kamailio.pid"), "-Y", self.folder.path], cwd=self.folder.path)
        wait_until(lambda: (is_bound(self.port, "udp") and is_bound(self.port, "tcp")) or not self.is_running(),
                   "Kamailio")
        expect(self.is_running(), f"Kamailio stopped at once:\n{self.text()}")

    def kill(self):
        """Its first process ends the others, if it is asked and not killed."""
        if self.is_running():
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:  # now and then one of them waits for a lock of another that has gone
                for child in children_of(self.popen.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
        super().kill()


# ---------------------------------------------------------------- tshark

class Capture:
    """What goes over loopback to or from some ports, as tshark sees it. Who may not capture gets a file of the messages that SIPp has sent and
    received instead, each as one datagram: the same dissector looks at them."""

    def __init__(self, ports):
        self.folder = Folder()
        self.ports = ports
        self.file = self.folder.file("capture.pcapng")
        self.sipps = []
        self.mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.mark.bind(("127.0.0.1", 0))
        which = " or ".join(f"port {p}" for p in [self.mark.getsockname()[1], *ports])
        self.process = Process(["tshark", "-i", "lo", "-f", which, "-w", self.file, "-q", "-B", "64"])
        self.is_live = self._wait_for_mark(b"the capture begins")

    def _wait_for_mark(self, text):
        """tshark says that it captures before it does, and forgets what it has not yet written when it is stopped. So datagrams of our
        own are sent until one has come through the whole of it into the file. False: tshark has ended."""

        def is_there():
            self.mark.sendto(text, self.mark.getsockname())
            if os.path.exists(self.file):
                with open(self.file, "rb") as f:
                    if text in f.read():
                        return True
            return not self.process.is_running()

        wait_until(is_there, "tshark")
        if self.process.is_running():
            return True
        self.process.wait()
        return False

    def how(self):
        return "tshark on loopback" if self.is_live else f"SIPp's own record, since: {self.process.text().splitlines()[-1:]}"

    def stop(self):
        if self.is_live:
            expect(self._wait_for_mark(b"the capture ends"), f"tshark has ended:\n{self.process.text()}")
            self.process.signal(signal.SIGINT)
            self.process.wait()
        else:
            self.file = self.folder.file("messages.pcap")
            write_pcap(self.file, (m for sipp in self.sipps for m in messages_of_sipp(sipp)), self.ports[0])
        self.mark.close()

    def read(self, display_filter, fields):
        return dissect(self.file, self.ports, display_filter, fields)


def dissect(file, ports, display_filter, fields):
    """Rows of fields of the packets that pass the filter; everything on these ports is taken for SIP."""
    command = ["tshark", "-r", file, "-Y", display_filter, "-T", "fields"]
    for port in ports:
        command += ["-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    expect(done.returncode == 0, f"tshark -r: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]
