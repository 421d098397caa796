"""What stands around an S-CSCF: a visited proxy (P-CSCF) and application servers, each a foreign Kamailio or a B2BUA of our own."""

import os
import re
import sys

from peers import HERE, Folder, Kamailio, Process, expect, free_port, is_bound, wait_until

MODULES = ("/usr/lib/x86_64-linux-gnu/kamailio/modules/", "/usr/lib/aarch64-linux-gnu/kamailio/modules/",
           "/usr/lib/kamailio/modules/", "/usr/lib64/kamailio/modules/")


class SeenRequests:
    """A process that writes a line `SEEN METHOD name=value ...` for every request that it receives."""

    def requests(self, method=None):
        with self.changed:
            found = [re.search(r"SEEN (\S+) (.*)", line) for line in self.lines]
        seen = [{"method": f.group(1), **dict(p.partition("=")[::2] for p in f.group(2).split())} for f in found if f]
        return [s for s in seen if method in (None, s["method"])]

    def wait_for_requests(self, method, n=1):
        """As soon as it has seen n of them, all that it has seen by then."""
        return wait_until(lambda: (lambda seen: seen if len(seen) >= n else None)(self.requests(method)),
                          f"{n} {method} at {self.command[0]}, which said:\n{self.text()[-3000:]}\n")


class KamailioWith(SeenRequests, Kamailio):
    """A Kamailio with one of the configurations of this folder."""

    def __init__(self, config, next_hop_port=0, defines=()):
        self.folder = Folder()
        self.port = free_port()
        with open(os.path.join(HERE, config)) as f:
            text = f.read()
        modules = next((folder for folder in MODULES if os.path.isdir(folder)), None)
        expect(modules, "Kamailio has no modules")
        for name, value in (("HOST", "127.0.0.1"), ("PORT", self.port), ("NEXT_HOP", next_hop_port), ("MODULES", modules)):
            text = text.replace(f"@{name}@", str(value))
        Process.__init__(self, ["kamailio", "-f", self.folder.file("kamailio.cfg", text), "-m", "32", "-M", "4", "-DD", "-E",
                                *(a for d in defines for a in ("-A", d)),
                                "-P", self.folder.file("kamailio.pid"), "-Y", self.folder.path], cwd=self.folder.path)
        wait_until(lambda: (is_bound(self.port, "udp") and is_bound(self.port, "tcp")) or not self.is_running(), "Kamailio")
        expect(self.is_running(), f"Kamailio stopped at once:\n{self.text()}")


class VisitedProxy(KamailioWith):
    """The P-CSCF before an S-CSCF."""

    def __init__(self, scscf_port):
        super().__init__("kamailio_pcscf.cfg", scscf_port)


class ProxyingServer(KamailioWith):
    """An application server that is a proxy. `on_bye`: relay, silent or 481."""

    def __init__(self, on_bye="relay"):
        super().__init__("kamailio_as.cfg", defines={"relay": (), "silent": ("BYE_SILENT",), "481": ("BYE_481",)}[on_bye])


class B2buaServer(SeenRequests, Process):
    """An application server that is a B2BUA. `on_bye`: answer, silent or 481."""

    def __init__(self, on_bye="answer"):
        self.port = free_port()
        super().__init__([sys.executable, os.path.join(HERE, "b2bua_server.py"), "--port", str(self.port), "--on-bye", on_bye])
        self.wait_for_line("^ready")
