#!/usr/bin/env python3
"""Adieu beside Kamailio: CPU per call, memory per session, CPU per release.

usage: bench.py --build FOLDER [--only call|memory|release|transfer|parse|ifc] [--path direct|one-server] [--quick] ...

Figures go to stdout, one per line as `name value unit`; what happens meanwhile goes to stderr.
README.md says what is measured and why it is measured like this.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
START_WAIT_S = 30       # a server must answer its operator by then
STOP_WAIT_S = 20        # and be gone by then
START_POLL_S = 0.02     # how often a starting server is asked whether it is ready
QUIET_POLL_S = 2.0      # how often it is asked whether it is quiet: seldom, as it pays for that
RELEASE_BATCH_S = 0.002 # releases go to Kamailio in batches, this far apart
BYE_WAIT_MS = 10_000    # without a BYE for this long, the release is over
RUN_ATTEMPTS = 4        # a run that does not count is repeated, this often in all


class BenchError(Exception):
    """The figure cannot be had: says why."""


class RunSpoilt(Exception):
    """Calls failed or something was retransmitted: the run does not count."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def figure(name, value, unit):
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    print(name, text, unit, flush=True)


# --- the machine ----------------------------------------------------------------------------------

def choose_cpus():
    """One CPU for the generator and this script, one for the server; None if there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    return (cpus[0], cpus[-1]) if len(cpus) > 1 else (None, None)


def pinned_to(cpu):
    """For preexec_fn: the child and all it starts stay on this CPU."""
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


def choose_ports(count):
    """Ports of the loopback free for UDP and TCP; all are held until the last is known, so they
    differ."""
    ports = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            tcp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            udp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                tcp.bind(udp.getsockname())
                ports.append(udp.getsockname()[1])
    return ports


def process_tree(pid):
    """The process and all its descendants."""
    pids = [pid]
    for parent in pids:
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def task_run_ns(task):
    """CPU time of one thread: exact where the kernel keeps it in ns, else utime + stime."""
    with contextlib.suppress(FileNotFoundError):
        return int((task / "schedstat").read_text().split()[0])
    after_name = (task / "stat").read_text().rpartition(")")[2].split()
    ticks = int(after_name[11]) + int(after_name[12])
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) * 1024


# --- the servers ----------------------------------------------------------------------------------

class Server:
    """A fresh server process in a folder of its own; `with` stops it."""
    record_routes = True
    bye_share = 1.0     # of the BYEs of a release, so many must come
    quiet_wait_s = 60   # its transactions must have ended by then
    calls = 0           # that were made with it

    def __init__(self, bench):
        self.bench = bench
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="adieu-bench-"))
        self.log = self.folder / "log"

    def __enter__(self):
        try:
            with open(self.log, "wb") as log:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=pinned_to(self.bench.server_cpu))
            self.wait_until("ready", self.is_ready, START_WAIT_S, START_POLL_S)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        process = getattr(self, "process", None)
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                for pid in reversed(process_tree(process.pid)):
                    os.kill(pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until(self, what, condition, wait_s, poll_s):
        end = time.monotonic() + wait_s
        while not condition():
            if self.process.poll() is not None:
                last_words = self.log.read_text(errors="replace")[-2000:]
                raise BenchError(f"{self.name} ended: {last_words}")
            if time.monotonic() > end:
                raise BenchError(f"{self.name} is not {what} after {wait_s} s")
            time.sleep(poll_s)

    def wait_quiet(self):
        """Until no transaction is left: what a call costs includes its timers and its clean-up."""
        self.wait_until("quiet", lambda: self.transactions() == 0, self.quiet_wait_s,
                        QUIET_POLL_S)

    def cpu_ns(self):
        return sum(task_run_ns(task) for pid in process_tree(self.process.pid)
                   for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


class OneServer:
    """Before another kind of server: its calls pass one application server of the calling user,
    which runs beside the generator and is not counted."""

    def __enter__(self):
        b = self.bench
        command = [str(b.build / "bench_application_server"), "--listen", b.application_server,
                   "--proxy", b.proxy]
        with open(self.folder / "application_server", "wb") as log:
            self.application_server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                preexec_fn=pinned_to(b.generator_cpu))
        try:
            if self.application_server.stdout.readline() != "ready\n":
                raise BenchError("bench_application_server could not start")
            return super().__enter__()
        except BaseException:
            self.stop_application_server()
            raise

    def __exit__(self, *what):
        super().__exit__(*what)
        passed_on = self.stop_application_server()
        if what[0] is None and passed_on < self.calls:
            raise BenchError(f"{self.name}: {passed_on:.0f} of {self.calls} INVITEs passed the "
                             "application server")

    def stop_application_server(self):
        """How many INVITEs it has seen."""
        self.application_server.terminate()
        figures = read_figures(self.application_server.communicate()[0])
        say(f"application server of {self.name}: {figures.get('invites_passed_on', 0):.0f} INVITEs, "
            f"{figures.get('byes_passed_on', 0):.0f} BYEs passed on")
        return figures.get("invites_passed_on", 0)


class Floor(Server):
    """Receives and sends the datagrams of a call and understands none."""
    name = "floor"
    record_routes = False

    def command(self):
        b = self.bench
        return [str(b.build / "bench_floor"), "--listen", b.proxy, "--caller", b.caller,
                "--callee", b.callee]

    def is_ready(self):
        return "ready" in self.log.read_text()

    def transactions(self):
        return 0


class Adieud(Server):
    """All that this script knows of adieud's files and commands is in this class."""
    name = "adieud"
    more = ""  # as shipped: under load datagrams are gathered for a moment (transport.gather)
    subscribers = ""
    quiet_wait_s = 120  # RFC 6026 keeps an INVITE transaction 64*T1 = 32 s after its 2xx

    def write_configuration(self):
        self.socket = self.folder / "adieu.sock"
        bindings = self.folder / "bindings"
        bindings.write_text(self.bindings())
        configuration = self.folder / "adieu.yaml"
        configuration.write_text(
            "workers: 1\n"
            f'listen: ["udp:{self.bench.proxy}"]\n'
            f"control: {{socket: {self.socket}}}\n"
            f"scscf: {{domains: [ims.example], bindings: {bindings}{self.subscribers}}}\n"
            f"log: warning\n{self.more}")
        return configuration

    def bindings(self):
        return f"sip:bob@ims.example <sip:bob@{self.bench.callee}>\n"

    def command(self):
        return [str(self.bench.build / "adieud"), "-f", str(self.write_configuration())]

    def operator(self, *words):
        return subprocess.run([str(self.bench.build / "adieu"), "-s", str(self.socket), *words],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              preexec_fn=pinned_to(self.bench.generator_cpu))

    def is_ready(self):
        return self.operator("counters", "--json").returncode == 0

    def gauge(self, name):
        answer = self.operator("counters", "--json")
        if answer.returncode != 0:
            raise BenchError(f"adieu counters: {answer.stderr.strip()}")
        return json.loads(answer.stdout)["gauges"][name]

    def transactions(self):
        return self.gauge("server_transactions") + self.gauge("client_transactions")

    def sessions(self):
        return self.gauge("sessions")

    def state_bytes(self):
        return sum(resident_bytes(pid) for pid in process_tree(self.process.pid))

    def prepare_release(self):
        """One command releases all; nothing to look up before."""

    def release_all(self, rate):
        answer = self.operator("release", "--all", "--rate", str(rate))
        if answer.returncode != 0:
            raise BenchError(f"adieu release --all: {answer.stderr.strip()}")


class AdieudAtOnce(Adieud):
    """The same without gathering: every datagram wakes it, as it wakes Kamailio."""
    name = "adieud_at_once"
    more = "transport: {gather: 0}\n"


class AdieudSccAs(Adieud):
    """With an SCC AS at an address of its own, whose users are those of bench_access_transfer."""
    name = "adieud_sccas"
    quiet = ("sessions", "sessions_anchored", "sessions_confirmed", "sessions_releasing",
             "dialogs", "server_transactions", "client_transactions", "timers", "message_blocks")

    def write_configuration(self):
        users = self.folder / "users"
        with open(users, "wb") as to:
            subprocess.run([str(self.bench.build / "bench_access_transfer"), "users", "--calls",
                            str(self.bench.options.transfer_sessions)], stdout=to, check=True)
        self.more = (f'sccas: {{listen: ["udp:{self.bench.sccas}"], users: {users}, '
                     'stn_sr: ["+4916000001"]}\n')
        return super().write_configuration()

    def counters(self):
        answer = self.operator("counters", "--json")
        if answer.returncode != 0:
            raise BenchError(f"adieu counters: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def left(self):
        """What is still there of sessions that have all ended."""
        gauges = self.counters()["gauges"]
        return {name: gauges[name] for name in self.quiet if gauges[name] != 0}


class AdieudOneServer(OneServer, Adieud):
    """Users from a folder; Alice is registered, and her INVITEs go to the server."""
    subscribers = ", subscribers: users"

    def bindings(self):
        return (super().bindings()
                + f"sip:alice@ims.example <sip:alice@{self.bench.caller}>\n")

    def write_configuration(self):
        users = self.folder / "users"
        users.mkdir()
        criteria = CRITERIA.format(server=self.bench.application_server)
        for name in ("alice", "bob"):
            (users / f"{name}.xml").write_text(
                USER.format(name=name, criteria=criteria if name == "alice" else ""))
        return super().write_configuration()


USER = """<IMSSubscription>
  <PrivateID>{name}@ims.example</PrivateID>
  <ServiceProfile>
    <PublicIdentity><Identity>sip:{name}@ims.example</Identity></PublicIdentity>
{criteria}  </ServiceProfile>
</IMSSubscription>
"""

CRITERIA = """    <InitialFilterCriteria>
      <Priority>10</Priority>
      <TriggerPoint>
        <ConditionTypeCNF>1</ConditionTypeCNF>
        <SPT><Group>0</Group><Method>INVITE</Method></SPT>
        <SPT><Group>1</Group><SessionCase>0</SessionCase></SPT>
      </TriggerPoint>
      <ApplicationServer>
        <ServerName>sip:{server};lr</ServerName>
        <DefaultHandling>0</DefaultHandling>
      </ApplicationServer>
    </InitialFilterCriteria>
"""


class Kamailio(Server):
    """dlg.end_dlg sends the two BYEs of a dialog one after the other, in the process that took the
    request. When the answer to the first reaches the UDP worker before the second is out, the
    dialog counts as ended and the second BYE never comes (its log then says `terminating
    non-confirmed dialogs not supported`). It happens to about one dialog in a hundred, and saves
    Kamailio work: here, and for no other server, a run counts with a few BYEs missing."""
    name = "kamailio"
    bye_share = 0.95
    configuration = "kamailio-dialog.cfg"
    definitions = ()

    def command(self):
        self.control = self.folder / "kamailio.ctl"
        return ["kamailio", "-f", str(HERE / self.configuration), "-w", str(self.folder),
                "-Y", str(self.folder), "-P", str(self.folder / "kam.pid"),
                "-m", "4096", "-M", "32", "-DD", "-E", "-x", "tlsf", "-X", "tlsf",
                "-A", f"PROXY=udp:{self.bench.proxy}",
                "-A", f'CALLEE="sip:{self.bench.callee}"',
                "-A", f'CONTROL="unix:{self.control}"', *self.definitions]

    def is_ready(self):
        try:
            self.rpc = Binrpc(self.control)
        except OSError:
            return False
        return "uptime" in self.rpc.call("core.uptime")

    def stop(self):
        if hasattr(self, "rpc"):
            self.rpc.close()
        super().stop()

    def transactions(self):
        return self.rpc.call("tm.stats")["current"]

    def sessions(self):
        return self.rpc.call("dlg.stats_active")["ongoing"]

    def state_bytes(self):
        return self.rpc.call("core.shmmem")["real_used"]

    def prepare_release(self):
        """dlg.list cannot answer for so many dialogs, a file of them all can be had."""
        dump = self.folder / "dialogs.json"
        self.rpc.call("dlg.dump_file", str(dump))
        self.dialogs = [(int(entry), int(id_)) for entry, id_ in
                        re.findall(r'^\{"h_entry":(\d+),"h_id":(\d+),', dump.read_text(), re.M)]

    def release_all(self, rate):
        """dlg.end_dlg for each, several to a write, at an even pace."""
        batch = max(1, round(rate * RELEASE_BATCH_S))
        due = time.monotonic()
        for begin in range(0, len(self.dialogs), batch):
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - RELEASE_BATCH_S) + batch / rate
            self.rpc.call_all("dlg.end_dlg", self.dialogs[begin:begin + batch])


class KamailioOneServer(OneServer, Kamailio):
    """It keeps one dialog for the call, although the call passes it twice."""
    configuration = "kamailio-dialog-one-server.cfg"

    def command(self):
        b = self.bench
        self.definitions = ("-A", f'SERVER="{b.application_server}"',
                            "-A", f'PROXY_ADDRESS="{b.proxy}"')
        return super().command()


class Binrpc:
    """Kamailio's binary RPC on a stream socket: the cheapest way there is to ask it something.

    A packet: 0xA1, kind and sizes in one byte, length of the body, a cookie, the body. A record in
    the body: a byte with size and type, more of the size if the size's top bit says so, the value.
    """
    INT, STRING, STRUCT, ARRAY, NAME = 0, 1, 3, 4, 5
    FAULT = 3

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def call(self, method, *arguments):
        """The answer's records: one dictionary of all named values."""
        self.socket.sendall(self.request(method, arguments))
        return self.read_answer()

    def call_all(self, method, argument_lists):
        self.socket.sendall(b"".join(self.request(method, a) for a in argument_lists))
        for _ in argument_lists:
            self.read_answer()

    @classmethod
    def request(cls, method, arguments):
        body = b"".join(cls.record(value) for value in (method, *arguments))
        return bytes([0xA1, 0x04]) + len(body).to_bytes(2, "big") + b"\x01" + body

    @classmethod
    def record(cls, value):
        if isinstance(value, int):
            raw, kind = value.to_bytes((value.bit_length() + 7) // 8, "big"), cls.INT
        else:
            raw, kind = value.encode() + b"\0", cls.STRING
        if len(raw) < 8:
            return bytes([len(raw) << 4 | kind]) + raw
        return bytes([0x80 | 2 << 4 | kind]) + len(raw).to_bytes(2, "big") + raw

    def read_answer(self):
        head = self.stream.read(2)
        if len(head) < 2 or head[0] != 0xA1:
            raise BenchError("kamailio closed its RPC socket")
        length = int.from_bytes(self.stream.read((head[1] >> 2 & 3) + 1), "big")
        self.stream.read((head[1] & 3) + 1)
        values = self.read_records(self.stream.read(length))
        if head[1] >> 4 == self.FAULT:
            raise BenchError(f"kamailio RPC: {values}")
        return values

    @classmethod
    def read_records(cls, body):
        values, name, at = {}, None, 0
        while at < len(body):
            kind, size, long = body[at] & 15, body[at] >> 4 & 7, body[at] >> 7
            at += 1
            if kind in (cls.STRUCT, cls.ARRAY):
                continue
            if long:
                size, at = int.from_bytes(body[at:at + size], "big"), at + size
            raw, at = body[at:at + size], at + size
            if kind == cls.NAME:
                name = raw.rstrip(b"\0").decode()
                continue
            values[name or len(values)] = (int.from_bytes(raw, "big") if kind == cls.INT
                                           else raw.rstrip(b"\0").decode(errors="replace"))
            name = None
        return values


# --- the generator --------------------------------------------------------------------------------

SPOILERS = ("calls_failed", "retransmissions", "unexpected")   # not one of these may be counted


def read_figures(text):
    """`name value unit` lines as a dictionary."""
    lines = (line.split() for line in text.splitlines())
    return {words[0]: float(words[1]) for words in lines if len(words) == 3}


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = pathlib.Path(options.build).resolve()
        self.generator_cpu, self.server_cpu = choose_cpus()
        self.proxy, self.caller, self.callee, self.application_server, self.sccas, self.msc = (
            f"127.0.0.1:{port}" for port in choose_ports(6))

    def generator_command(self, mode, server, calls):
        command = [str(self.build / "bench_generator"), mode, "--proxy", self.proxy,
                   "--caller", self.caller, "--callee", self.callee, "--calls", str(calls),
                   "--rate", str(self.options.rate), "--tick", str(self.options.tick_us),
                   "--wait", str(BYE_WAIT_MS)]
        if not server.record_routes:
            command.append("--no-record-route")
        return command

    def make_calls(self, server, calls):
        """Complete calls; the generator's figures."""
        server.calls += calls
        done = subprocess.run(self.generator_command("call", server, calls), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              preexec_fn=pinned_to(self.generator_cpu))
        if done.returncode == 2:
            raise BenchError("the generator could not start")
        if done.returncode != 0:
            raise spoilt_by(read_figures(done.stdout))
        return read_figures(done.stdout)

    @contextlib.contextmanager
    def held_calls(self, server, calls):
        """Calls set up and kept; yields the generator, to be ended with end_held_calls()."""
        server.calls += calls
        generator = subprocess.Popen(
            self.generator_command("hold", server, calls), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, preexec_fn=pinned_to(self.generator_cpu))
        try:
            wait_s = calls / self.options.rate + 60
            if not select.select([generator.stdout], [], [], wait_s)[0]:
                raise BenchError(f"{calls} calls were not set up in {wait_s:.0f} s")
            words = generator.stdout.readline().split()
            if words != ["ready", str(calls), "calls"]:
                raise RunSpoilt(f"only {words[1] if len(words) == 3 else 0} of {calls} calls held")
            yield generator
        finally:
            if generator.poll() is None:
                generator.kill()
            generator.wait()
            generator.stdin.close()
            generator.stdout.close()


def end_held_calls(generator, byes=0):
    """Waits for what the last command started; the generator's figures. With `byes`, so many must
    have come from the network."""
    figures = read_figures(generator.stdout.read())
    status = generator.wait()
    figures["byes"] = int(figures.get("byes_caller", 0) + figures.get("byes_callee", 0))
    clean = all(figures.get(name) == 0 for name in SPOILERS)
    if figures["byes"] < byes or not clean or (status != 0 and byes == 0):
        raise spoilt_by(figures)
    return figures


def tell(generator, command):
    generator.stdin.write(command + "\n")
    generator.stdin.flush()


def spoilt_by(figures):
    counted = [f"{figures[name]:.0f} {name}" for name in SPOILERS if figures.get(name)]
    if "byes" in figures:
        counted.append(f"{figures['byes']} BYEs")
    return RunSpoilt(", ".join(counted) or "the generator ended early")


def until_it_counts(what, run):
    """Runs that do not count are thrown away, said, and repeated."""
    for attempt in range(1, RUN_ATTEMPTS + 1):
        try:
            return run()
        except RunSpoilt as spoilt:
            say(f"{what}: thrown away ({spoilt}), attempt {attempt} of {RUN_ATTEMPTS}")
    raise BenchError(f"{what}: no run of {RUN_ATTEMPTS} without a failure or a retransmission")


# --- what is measured -----------------------------------------------------------------------------

def measure_call(bench, kind):
    """CPU of the server per call, from the first INVITE until the last transaction has ended."""
    with kind(bench) as server:
        bench.make_calls(server, bench.options.warm_up)
        before = server.cpu_ns()
        figures = bench.make_calls(server, bench.options.calls)
        at_end = server.cpu_ns()
        server.wait_quiet()
        cpu_us = (server.cpu_ns() - before) / 1000 / bench.options.calls
        figures["cpu_us"] = cpu_us
        say(f"{server.name}: {cpu_us:.1f} us CPU per call "
            f"({(at_end - before) / 1000 / bench.options.calls:.1f} when the last call ended); "
            f"set-up {figures['setup_latency_p50_us']:.0f} us p50, "
            f"{figures['setup_latency_p99_us']:.0f} us p99; "
            f"generator {figures['generator_cpu_us_per_call']:.1f} us per call")
        return figures


def measure_calls(bench, kinds, suffix=""):
    """Alternating runs; the figures of each server in the order of the runs. `suffix` tells the
    figures of one path from those of another."""
    results = {kind.name: [] for kind in kinds}
    for run in range(1, bench.options.runs + 1):
        for kind in kinds:
            say(f"calls{suffix}, run {run} of {bench.options.runs}: {kind.name}")
            results[kind.name].append(
                until_it_counts(f"{kind.name} calls", lambda: measure_call(bench, kind)))
    for name, runs in results.items():
        print_spread(f"{name}_call_cpu_us{suffix}", [r["cpu_us"] for r in runs], "us")
        for percentile in ("p50", "p99"):
            key = f"setup_latency_{percentile}_us"
            figure(f"{name}_{key}{suffix}", statistics.median(r[key] for r in runs), "us")
    everything = [r["generator_cpu_us_per_call"] for runs in results.values() for r in runs]
    figure(f"generator_call_cpu_us{suffix}", statistics.median(everything), "us")
    print_ratio(f"call_cpu_ratio{suffix}", results, "cpu_us")
    print_ratio(f"call_cpu_ratio_at_once{suffix}", results, "cpu_us", "adieud_at_once")


def print_spread(name, values, unit):
    figure(name, float(statistics.median(values)), unit)
    figure(f"{name}_min", float(min(values)), unit)
    figure(f"{name}_max", float(max(values)), unit)


def print_ratio(name, results, key, ours="adieud"):
    """adieud / kamailio as the median over pairs of neighbouring runs: a machine whose speed
    changes from minute to minute changes both of a pair."""
    if not results.get(ours) or not results.get("kamailio"):
        return
    print_spread(name, [a[key] / k[key] for a, k in zip(results[ours], results["kamailio"])],
                 "ratio")


def measure_held(bench, kind):
    """Bytes per established session, then CPU per session released by the network."""
    options, figures = bench.options, {}
    with kind(bench) as server:
        bench.make_calls(server, options.warm_up)
        server.wait_quiet()
        if server.sessions() != 0:
            raise BenchError(f"{server.name} still holds {server.sessions()} ended sessions")
        empty_bytes = server.state_bytes()
        with bench.held_calls(server, options.sessions) as generator:
            server.wait_quiet()
            if server.sessions() != options.sessions:
                raise BenchError(f"{server.name} holds {server.sessions()} sessions")
            figures["bytes"] = (server.state_bytes() - empty_bytes) / options.sessions
            say(f"{server.name}: {figures['bytes']:.0f} bytes per session")
            if options.only != "memory":
                figures.update(measure_release(bench, server, generator))
            else:
                tell(generator, "quit")
                end_held_calls(generator)
    return figures


def measure_release(bench, server, generator):
    sessions = bench.options.sessions
    server.prepare_release()
    tell(generator, "wait-bye")
    before = server.cpu_ns()
    server.release_all(bench.options.release_rate)
    figures = end_held_calls(generator, byes=int(2 * sessions * server.bye_share))
    took_s = figures["byes_duration_ms"] / 1000
    server.wait_quiet()
    cpu_us = (server.cpu_ns() - before) / 1000 / sessions
    if server.sessions() != 0:
        raise BenchError(f"{server.name} holds {server.sessions()} sessions after their release")
    say(f"{server.name}: {cpu_us:.1f} us CPU per released session, {figures['byes']} BYEs answered "
        f"in {took_s:.1f} s")
    return {"release_cpu_us": cpu_us, "byes": figures["byes"], "release_s": took_s}


def measure_sessions(bench, kinds, suffix=""):
    options = bench.options
    results = {kind.name: [] for kind in kinds}
    for run in range(1, options.hold_runs + 1):
        for kind in kinds:
            say(f"{options.sessions} sessions{suffix}, run {run} of {options.hold_runs}: {kind.name}")
            results[kind.name].append(
                until_it_counts(f"{kind.name} sessions", lambda: measure_held(bench, kind)))
    if options.only != "release":
        for name, runs in results.items():
            print_spread(f"{name}_session_bytes{suffix}", [r["bytes"] for r in runs], "bytes")
        print_ratio(f"session_bytes_ratio{suffix}", results, "bytes")
    if options.only != "memory":
        for name, runs in results.items():
            prefix = "" if name == "adieud" else f"{name}_"
            print_spread(f"{name}_release_cpu_us{suffix}", [r["release_cpu_us"] for r in runs], "us")
            figure(f"{prefix}release_byes_answered{suffix}", min(r["byes"] for r in runs), "requests")
            figure(f"{prefix}release_duration_s{suffix}",
                   float(statistics.median(r["release_s"] for r in runs)), "s")
        print_ratio(f"release_cpu_ratio{suffix}", results, "release_cpu_us")


# --- access transfer ------------------------------------------------------------------------------

class Transfer:
    """bench_access_transfer beside one SCC AS."""

    def __init__(self, bench, server):
        self.bench, self.server = bench, server
        self.sessions = bench.options.transfer_sessions
        self.cpu_at = {}

    def start(self, mode, calls):
        b = self.bench
        return subprocess.Popen(
            [str(b.build / "bench_access_transfer"), mode, "--proxy", b.sccas, "--ue", b.caller,
             "--remote", b.callee, "--msc", b.msc, "--calls", str(calls),
             "--rate", str(b.options.transfer_rate)],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=pinned_to(b.generator_cpu))

    def warm_up(self):
        """Calls that end as calls do: what is allocated once is there afterwards. They are few, since
        their memory is used again by the sessions whose memory is measured."""
        calls = max(2, min(self.sessions // 50, self.bench.options.warm_up))
        generator = self.start("call", calls)
        text, _ = generator.communicate()
        if generator.returncode != 0:
            raise BenchError(f"warm-up of {calls} calls to the SCC AS: {text}")
        self.server.wait_quiet()

    def read_to_mark(self, generator, name):
        """What it printed up to `mark NAME`; the CPU time the server has used until then."""
        text = ""
        for line in generator.stdout:
            if line == f"mark {name}\n":
                self.cpu_at[name] = self.server.cpu_ns()
                return text
            text += line
        raise BenchError(f"bench_access_transfer ended before `{name}`: {text}")

    def run(self):
        """The generator's lines, and whether it found its counts right."""
        server = self.server
        empty_bytes, self.cpu_at["begin"] = server.state_bytes(), server.cpu_ns()
        generator = self.start("transfer", self.sessions)
        try:
            self.read_to_mark(generator, "ready")
            server.wait_quiet()
            anchored = server.gauge("sessions_anchored")
            if anchored != self.sessions:
                raise BenchError(f"{server.name} holds {anchored} of {self.sessions} sessions")
            self.session_bytes = (server.state_bytes() - empty_bytes) / self.sessions
            self.cpu_at["held"] = server.cpu_ns()
            say(f"{self.sessions} anchored sessions, {self.session_bytes:.0f} bytes each, "
                f"{self.cpu_us('begin', 'ready', self.sessions):.1f} us CPU each when the last was "
                "up; now every UE is lost")
            tell(generator, "go")
            for name in ("byes", "transfers", "releases"):
                self.read_to_mark(generator, name)
            text = generator.stdout.read()
            good = generator.wait() == 0
        finally:
            if generator.poll() is None:
                generator.kill()
            generator.communicate()
        server.wait_quiet()
        self.cpu_at["end"] = server.cpu_ns()
        return text, good

    def cpu_us(self, begin, end, count):
        return (self.cpu_at[end] - self.cpu_at[begin]) / 1000 / count


def measure_transfer(bench):
    """10,000 users lost in one second, every second one found again by the MSC server."""
    with AdieudSccAs(bench) as server:
        transfer = Transfer(bench, server)
        say(f"access transfer: {transfer.sessions} sessions")
        transfer.warm_up()
        text, good = transfer.run()
        left, counted = server.left(), server.counters()["counters"]
    all_sessions, half = transfer.sessions, transfer.sessions // 2
    sys.stdout.write(text)
    figure("transfer_leaked", sum(left.values()), "objects")
    figure("transfer_cpu_us", transfer.cpu_us("begin", "end", half), "us")
    figure("transfer_set_up_cpu_us", transfer.cpu_us("begin", "held", all_sessions), "us")
    figure("transfer_bye_cpu_us", transfer.cpu_us("held", "byes", all_sessions), "us")
    figure("transfer_move_cpu_us", transfer.cpu_us("byes", "transfers", half), "us")
    figure("transfer_release_cpu_us",
           transfer.cpu_us("transfers", "releases", all_sessions - half), "us")
    figure("transfer_end_cpu_us", transfer.cpu_us("releases", "end", all_sessions), "us")
    figure("anchored_session_bytes", float(transfer.session_bytes), "bytes")
    if left:
        raise BenchError(f"left in {server.name} when all had ended: {left}")
    expected = {"transfers": half, "transfers_refused": 0, "holds": all_sessions,
                "holds_kept": half, "holds_released": all_sessions - half, "byes_timed_out": 0}
    wrong = {name: counted[name] for name in expected if counted[name] != expected[name]}
    if wrong:
        raise BenchError(f"{server.name} counted {wrong}, expected {expected}")
    if not good:
        raise BenchError("access transfer: not exactly those survived that should have")


def pass_through(bench, name):
    """A benchmark of one part by itself, if it was built: its lines are ours."""
    program = bench.build / ("bench_" + name)
    if not program.exists():
        say(f"bench_{name} is not there")
        return
    done = subprocess.run([str(program)], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, preexec_fn=pinned_to(bench.server_cpu))
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if done.returncode != 0:
        raise BenchError(f"bench_{name} ended with {done.returncode}")


# --- the command line -----------------------------------------------------------------------------

def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release", help="folder of the programs")
    parser.add_argument("--only", choices=("call", "memory", "release", "transfer", "parse", "ifc"))
    parser.add_argument("--path", choices=("direct", "one-server"),
                        help="calls without an application server, or with one (both)")
    parser.add_argument("--servers", default="kamailio,adieud,adieud_at_once,floor", help="which, in which order")
    parser.add_argument("--quick", action="store_true", help="few and short runs, to see it work")
    parser.add_argument("--runs", type=int, help="runs of calls per server (3)")
    parser.add_argument("--calls", type=int, help="calls of a run (20000)")
    parser.add_argument("--warm-up", type=int, default=2000, help="calls before (2000)")
    parser.add_argument("--rate", type=int, default=1500, help="calls per second (1500)")
    parser.add_argument("--tick-us", type=int, default=0,
                        help="let the generator look for datagrams only this often (0: at once)")
    parser.add_argument("--hold-runs", type=int, help="runs of held sessions per server (1)")
    parser.add_argument("--sessions", type=int, help="held sessions (50000)")
    parser.add_argument("--release-rate", type=int, default=4000, help="sessions per second (4000)")
    parser.add_argument("--transfer-sessions", type=int, help="anchored sessions that lose their UE (10000)")
    parser.add_argument("--transfer-rate", type=int, default=1000,
                        help="at which they are set up, and the survivors ended (1000 per second)")
    options = parser.parse_args()
    usual = {"runs": 3, "calls": 20000, "hold_runs": 1, "sessions": 50000, "transfer_sessions": 10000}
    quick = {"runs": 2, "calls": 5000, "hold_runs": 1, "sessions": 5000, "transfer_sessions": 2000}
    for name, value in (quick if options.quick else usual).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    kinds = {kind.name: kind for kind in (Kamailio, Adieud, AdieudAtOnce, Floor)}
    names = options.servers.split(",")
    if any(name not in kinds for name in names):
        parser.error(f"--servers: of {', '.join(kinds)}")
    options.servers = [kinds[name] for name in names]
    return options


def check_programs(bench):
    """Says what is missing before anything has been measured."""
    needed = {Kamailio: ["kamailio"], Floor: [str(bench.build / "bench_floor")],
              Adieud: [str(bench.build / "adieud"), str(bench.build / "adieu")]}
    needed[AdieudAtOnce] = needed[Adieud]
    wanted = [str(bench.build / "bench_generator")]
    if bench.options.path != "direct":
        wanted.append(str(bench.build / "bench_application_server"))
    wanted += [program for kind in bench.options.servers for program in needed[kind]]
    if bench.options.only == "transfer":
        wanted = needed[Adieud]
    if bench.options.only in (None, "transfer"):
        wanted.append(str(bench.build / "bench_access_transfer"))
    missing = [program for program in wanted if shutil.which(program) is None]
    if missing and bench.options.only not in ("parse", "ifc"):
        raise BenchError(f"not there: {', '.join(missing)}")


ONE_SERVER = {Kamailio: KamailioOneServer, Adieud: AdieudOneServer}


def measure_path(bench, call_kinds, session_kinds, suffix=""):
    if bench.options.only in (None, "call"):
        measure_calls(bench, call_kinds, suffix)
    if bench.options.only in (None, "memory", "release"):
        measure_sessions(bench, session_kinds, suffix)


def end_by_signal(number, _):
    sys.exit(128 + number)  # by way of every `finally` and `with`


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, end_by_signal)
    bench = Bench(options)
    if bench.generator_cpu is not None:
        os.sched_setaffinity(0, {bench.generator_cpu})
    else:
        say("only one CPU: generator and server share it, the figures are worth little")
    try:
        check_programs(bench)
        if options.path in (None, "direct") and options.only != "transfer":
            measure_path(bench, options.servers,
                         [kind for kind in options.servers if kind in (Kamailio, Adieud)])
        if options.path in (None, "one-server") and options.only != "transfer":
            kinds = [ONE_SERVER[kind] for kind in options.servers if kind in ONE_SERVER]
            measure_path(bench, kinds, kinds, "_one_server")
        if options.only in (None, "transfer"):
            measure_transfer(bench)
        if options.only in (None, "parse"):
            pass_through(bench, "parse")
        if options.only in (None, "ifc"):
            pass_through(bench, "filter_criteria")
    except BenchError as error:
        say(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
