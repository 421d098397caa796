"""SIP messages for the peers that are written in Python: enough to take one apart and to put one together, and Digest (RFC 8760)."""

import hashlib
import re
import secrets

SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
         "k": "supported"}


def split_list(value):
    """The values of a comma list; a comma in quotes or angle brackets parts nothing."""
    parts = re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^",<])+', value)
    return [p.strip() for p in parts if p.strip()]


def address_uri(value):
    """The URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def parameter(value, name):
    """A parameter behind the URI of a header value, or None."""
    found = re.search(rf";\s*{name}\s*=\s*([^;,\s]+)", value[value.rfind(">") + 1:], re.IGNORECASE)
    return found.group(1) if found else None


def uri_address(uri):
    """(host, port) of a SIP URI with an IPv4 address, as those of the tests are."""
    found = re.match(r"sips?:(?:[^@]*@)?([^;:?>]+)(?::(\d+))?", uri)
    return found.group(1), int(found.group(2) or 5060)


class Message:
    def __init__(self, start, headers=(), body=b""):
        self.start, self.headers, self.body = start, list(headers), body

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode()).split("\r\n")
        headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
        message = cls(lines[0], headers, body)
        message.body = body[:int(message.get("Content-Length") or len(body))]
        return message

    def encode(self):
        lines = [self.start, *(f"{n}: {v}" for n, v in self.headers if self.key(n) != "content-length"),
                 f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body

    @staticmethod
    def key(name):
        return SHORT.get(name.lower(), name.lower())

    def values(self, name):
        """All values of a header that is a list."""
        return [v for n, value in self.headers if self.key(n) == self.key(name) for v in split_list(value)]

    def get(self, name):
        return next((v for n, v in self.headers if self.key(n) == self.key(name)), None)

    def copies(self, *names):
        """Header lines of these names, as they came."""
        wanted = {self.key(n) for n in names}
        return [(n, v) for n, v in self.headers if self.key(n) in wanted]

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.start.split()[0] if self.is_request else self.get("CSeq").split()[1]

    @property
    def request_uri(self):
        return self.start.split()[1]

    @property
    def status(self):
        return int(self.start.split()[1])

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    @property
    def branch(self):
        return parameter(self.values("Via")[0], "branch")

    def tag_of(self, name):
        return parameter(self.get(name), "tag")


def new_branch():
    return "z9hG4bK" + secrets.token_hex(8)


def new_tag():
    return secrets.token_hex(6)


# ---------------------------------------------------------------- Digest

def challenge_of(value):
    """Parameters of a WWW-Authenticate value."""
    return {n.lower(): q or v for n, q, v in re.findall(r'(\w[\w-]*)\s*=\s*(?:"([^"]*)"|([^\s,]+))', value.partition(" ")[2])}


def digest_response(challenge, user, password, method, uri, count=1, cnonce=None):
    """The Authorization value that answers a challenge (RFC 7616 §3.4)."""
    algorithm = challenge.get("algorithm", "MD5")
    hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm.upper()]

    def h(*parts):
        return hashed(":".join(parts).encode()).hexdigest()

    cnonce, nc = cnonce or secrets.token_hex(8), f"{count:08x}"
    response = h(h(user, challenge["realm"], password), challenge["nonce"], nc, cnonce, "auth", h(method, uri))
    opaque = f', opaque="{challenge["opaque"]}"' if "opaque" in challenge else ""
    return (f'Digest username="{user}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm={algorithm}, cnonce="{cnonce}", qop=auth, nc={nc}{opaque}')
