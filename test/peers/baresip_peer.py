"""baresip as the telephone of a user: its own configuration folder, free ports, no sound card, controlled and watched through its ctrl_tcp
module (JSON in netstrings, LENGTH:TEXT,). Whatever it says is kept, and can be waited for."""

import json
import os
import re
import socket
import threading
import time

from peers import PATIENCE_S, Failure, Folder, Process, expect, free_port, wait_until

MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib64/baresip/modules")
RTP_PORTS = 4  # RTP and RTCP of one call, and as many again, because baresip takes any even port of its range

# The bridge gives back as microphone what it was given as loudspeaker, so no sound card is needed.
CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 8
audio_source aubridge,bridge
audio_player aubridge,bridge
audio_alert aubridge,bell
rtp_ports {rtp}-{rtp_last}
module_path {modules}
module g711.so
module aubridge.so
module_app menu.so
module_app ctrl_tcp.so
ringback_disabled yes
menu_bell no
ctrl_tcp_listen 127.0.0.1:{control}
"""


def netstring(text):
    data = text.encode()
    return b"%d:%s," % (len(data), data)


def netstrings(data):
    """(the whole netstrings in the bytes, what is left of the bytes)"""
    found = []
    while True:
        length, colon, rest = data.partition(b":")
        if not colon or len(rest) <= int(length):
            return found, data
        found.append(rest[:int(length)])
        data = rest[int(length) + 1:]


class Baresip(Process):
    """It is started without an account, so that no event is missed: register() comes when the control connection stands."""

    def __init__(self, user, domain, proxy_port, auth_user=None, password=""):
        modules = next((f for f in MODULE_FOLDERS if os.path.isdir(f)), None)
        expect(modules, "baresip has no modules")
        self.user, self.domain, self.address = user, domain, f"sip:{user}@{domain}"
        self.port = free_port(2)  # for TLS it takes the one behind it
        self.control_port, rtp = free_port(), (free_port(RTP_PORTS + 1) + 1) // 2 * 2
        self.folder = Folder()
        self.folder.file("config", CONFIG.format(sip=self.port, rtp=rtp, rtp_last=rtp + RTP_PORTS - 1, modules=modules,
                                                 control=self.control_port))
        for name in ("accounts", "contacts"):
            self.folder.file(name, "")
        self.account = (f'<{self.address}>;outbound="sip:127.0.0.1:{proxy_port}";answermode=auto;'
                        'regint=600;audio_codecs=pcmu'
                        + (f";auth_user={auth_user};auth_pass={password}" if auth_user else ""))
        self.events, self.answers, self.token = [], {}, 0
        super().__init__(["baresip", "-f", self.folder.path, "-s"], cwd=self.folder.path)
        try:
            self._connect()
        except BaseException:
            self.kill()
            raise

    # ------------------------------------------------------------ control connection

    def _connect(self):
        def connected():
            expect(self.is_running(), f"baresip stopped at once:\n{self.text()}")
            try:
                return socket.create_connection(("127.0.0.1", self.control_port), PATIENCE_S)
            except ConnectionRefusedError:
                return None

        self.control = wait_until(connected, "baresip's control port")
        self.control.settimeout(None)
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        data = b""
        while True:
            try:
                chunk = self.control.recv(65536)
            except OSError:
                chunk = b""
            messages, data = netstrings(data + chunk)
            with self.changed:
                for message in map(json.loads, messages):
                    if message.get("event"):
                        self.events.append({**message, "at": time.monotonic()})
                    else:
                        self.answers[message.get("token")] = message
                self.changed.notify_all()
            if not chunk:
                return

    def order(self, name, parameters=None):
        """What baresip answers to it; a failure when it refuses."""
        self.token += 1
        token = str(self.token)
        message = {"command": name, "token": token, **({"params": parameters} if parameters else {})}
        self.control.sendall(netstring(json.dumps(message)))
        with self.changed:
            self.changed.wait_for(lambda: token in self.answers or not self.listener.is_alive(), PATIENCE_S)
        answer = self.answers.pop(token, None)
        if not answer or not answer["ok"]:
            raise Failure(f"baresip of {self.user}: {name} {parameters or ''}: {answer}")
        return answer["data"]

    def wait_for_event(self, kind, after=0, **fields):
        """The first event of this type (a pattern) from number `after` on; in `fields` may stand what else it must have."""
        def look():
            return next((e for e in self.events[after:]
                         if re.fullmatch(kind, e["type"]) and all(e.get(k) == v for k, v in fields.items())), None)

        with self.changed:
            self.changed.wait_for(lambda: look() or not self.listener.is_alive(), PATIENCE_S)
            found = look()
        if not found:
            raise Failure(f"baresip of {self.user}: no event {kind} {fields or ''}; it said:\n"
                          + "\n".join(str(e) for e in self.events) + "\n" + self.text()[-6000:])
        return found

    def events_of(self, kind):
        with self.changed:
            return [e for e in self.events if re.fullmatch(kind, e["type"])]

    # ------------------------------------------------------------ what a user does

    def begin_registration(self):
        self.order("uanew", self.account)
        return self

    def register(self):
        before = len(self.events)
        self.begin_registration()
        end = self.wait_for_event("REGISTER_OK|REGISTER_FAIL", before)
        expect(end["type"] == "REGISTER_OK", f"{self.user} was not registered: {end.get('param')}\n{self.text()[-6000:]}")
        return self

    def dial(self, address):
        self.order("dial", address)
        return self

    def hang_up(self):
        self.order("hangup")

    def wait_established(self, after=0):
        return self.wait_for_event("CALL_ESTABLISHED", after)["id"]

    def wait_closed(self, call=None, after=0):
        """Why, in baresip's words."""
        return self.wait_for_event("CALL_CLOSED", after, **({"id": call} if call else {})).get("param", "")

    # ------------------------------------------------------------ what it saw, from its own trace of SIP messages

    def messages(self):
        """(is received, start line and header lines) of each message."""
        found, lines = [], None
        for line in self.text().split("\n"):
            heading = re.search(r"(?:UDP|TCP) (\S+) -> (\S+)$", line)
            if heading:
                lines = []
                found.append((heading.group(2) == f"127.0.0.1:{self.port}", lines))
            elif lines is not None and line:
                lines.append(line)
            elif lines:
                lines = None
        return found

    def requests_received(self, method):
        return [lines for is_received, lines in self.messages() if is_received and lines and lines[0].startswith(method + " ")]

    def requests_sent(self, method):
        return [lines for is_received, lines in self.messages() if not is_received and lines and lines[0].startswith(method + " ")]

    def contact(self):
        """Contact URI of its last REGISTER."""
        line = next(l for l in self.requests_sent("REGISTER")[-1] if l.startswith("Contact:"))
        return re.search(r"<([^>]*)>", line).group(1)

    def kill(self):
        if hasattr(self, "control"):
            self.control.close()
        super().kill()
