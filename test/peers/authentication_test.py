#!/usr/bin/env python3
"""Authentication at registration, seen from outside: telephones that compute their digests themselves and a USIM with its own
Milenage against the running daemon, what the operator's counters say of them, and that no credential is written anywhere."""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import signal
import socket
import subprocess
import threading
import time

from peers import PATIENCE_S, Adieu, Failure, Folder, Sipp, Tap, build_folder, expect, expect_equal, free_port, wait_until
from sip_text import Message, address_uri, challenge_of, new_branch, new_tag
from usim import Milenage, Usim

DOMAIN = "ims.example"
P_CSCF, STRANGER, NEIGHBOUR = "127.0.0.9", "127.0.0.1", "127.0.0.2"  # only the first is trusted
PASSWORD, BOBS = "open sesame 4711", "swordfish-0815"
K = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")

# ---------------------------------------------------------------- what must not be written

secret_values = {}  # name: text
written = []        # everything that daemons and commands said


def keep_secret(name, value):
    """Text as it is; bytes in hexadecimal and in base64. Returns the value."""
    if isinstance(value, bytes):
        secret_values[f"{name} {len(secret_values)} in hexadecimal"] = value.hex()
        secret_values[f"{name} {len(secret_values)} in base64"] = base64.b64encode(value).decode()
    else:
        secret_values[f"{name} {len(secret_values)}"] = value
    return value


def found_in(texts, values):
    """Names of those that stand in one of the texts, in capitals or not."""
    everything = "\n".join(texts).lower()
    return [name for name, value in values.items() if value.lower() in everything]


# ---------------------------------------------------------------- the daemon and its users

def ha1(hashed, user, secret):
    a1 = f"{user}@{DOMAIN}:{DOMAIN}:".encode() + (secret if isinstance(secret, bytes) else secret.encode())
    return keep_secret("HA1", hashed(a1).hexdigest())


def user_data(name):
    return (f"<IMSSubscription><PrivateID>{name}@{DOMAIN}</PrivateID><ServiceProfile>"
            f"<PublicIdentity><Identity>sip:{name}@{DOMAIN}</Identity></PublicIdentity></ServiceProfile></IMSSubscription>\n")


def good_credentials():
    return (f"alice@{DOMAIN}:\n  password: {PASSWORD}\n"
            f"bob@{DOMAIN}:\n  md5: {ha1(hashlib.md5, 'bob', BOBS)}\n  sha256: {ha1(hashlib.sha256, 'bob', BOBS)}\n"
            f"carol@{DOMAIN}:\n  k: {K.hex()}\n  opc: {OPC.hex()}\n  sqn: \"000000000020\"\n")


class Lab:
    """A daemon with three users: alice has a password, bob its hashes, carol a USIM."""

    def __init__(self, bindings="", **registration):
        self.registration = {"failures_per_minute": 1000, **registration}
        self.adieu = Adieu(bindings=bindings, scscf="  subscribers: users\n", more=self.more(), workers=2)
        os.mkdir(self.adieu.folder.file("users"))
        for name in ("alice", "bob", "carol"):
            self.file(f"{name}.xml", user_data(name))
        self.file("credentials.yaml", good_credentials())

    def more(self):
        keys = "".join(f"  {key}: {value}\n" for key, value in self.registration.items())
        return f"trusted: [{P_CSCF}/32]\nlog: debug\ndrain: 0s\nregistration:\n{keys}"

    def file(self, name, text):
        path = self.adieu.folder.file(f"users/{name}", text)
        os.chmod(path, 0o600)

    def __enter__(self):
        self.adieu.start()
        return self

    def __exit__(self, kind, why, trace):
        with contextlib.suppress(Failure, subprocess.TimeoutExpired):
            self.ask_operator()
        status = self.adieu.stop()
        written.append(self.adieu.process.text())
        if kind is None:
            expect_equal(status, 0, "exit status of the daemon")

    def ask_operator(self):
        """Everything that can be asked, as text and as JSON."""
        for command in (["users"], ["counters"], ["sessions"], ["show", "last"], ["why", "last"], ["trace", "last"]):
            for form in ([], ["--json"]):
                _, out, err = self.adieu.adieu(*form, *command)
                written.extend((out, err))

    def counts(self):
        now = self.adieu.counters()
        return {name: now[name] for name in now if name.startswith("authentication_") or name == "registrations"}

    @contextlib.contextmanager
    def counted(self, **expected):
        """Within, these counters grow by so much, and the others not at all."""
        before = self.counts()
        yield
        grown = {n.removeprefix("authentication_"): v - before[n] for n, v in self.counts().items() if v != before[n]}
        expect_equal(grown, expected, "counters")

    def set(self, **registration):
        """Other settings, by a reload."""
        self.registration.update(registration)
        before = len(self.adieu.process.lines)
        self.adieu.folder.file("adieu.yaml", self.adieu.yaml.partition("trusted:")[0] + self.more())
        self.adieu.process.signal(signal.SIGHUP)
        self.adieu.process.wait_for_line('msg="reloaded"', after=before)

    def users(self):
        """Who has a contact; one who is gone may be remembered for a while."""
        return [u["user"] for u in self.adieu.json("users")["users"] if u["contact"]]


# ---------------------------------------------------------------- the telephones

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256, "AKAv1-MD5": hashlib.md5}


class Challenge(dict):
    """One WWW-Authenticate: how often its nonce was used."""
    count = 0


class Telephone:
    def __init__(self, lab, user, host=STRANGER, usim=None):
        self.lab, self.user, self.host, self.usim = lab, user, host, usim
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(PATIENCE_S)
        self.port = self.socket.getsockname()[1]
        self.call_id, self.tag, self.cseq = secrets.token_hex(8), new_tag(), 0
        self.secret = {"alice": PASSWORD, "bob": BOBS}.get(user, b"")

    def send(self, message):
        self.socket.sendto(message.encode(), (STRANGER, self.lab.adieu.port))

    def receive(self):
        return Message.parse(self.socket.recv(65535))

    def request(self, method, uri, more=(), to=None, cseq=None):
        return Message(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {self.host}:{self.port};rport;branch={new_branch()}"), ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{DOMAIN}>;tag={self.tag}"), ("To", to or f"<sip:{self.user}@{DOMAIN}>"),
            ("Call-ID", self.call_id), ("CSeq", f"{cseq or self.cseq} {method}"),
            ("Contact", f"<sip:{self.user}@{self.host}:{self.port}>"), *more])

    def register(self, authorization=None, expires=600, **parts):
        """The response."""
        self.cseq += 1
        more = [("Expires", str(expires)), *([("Authorization", authorization)] if authorization else [])]
        self.send(self.request("REGISTER", f"sip:{DOMAIN}", more, **parts))
        while True:
            response = self.receive()
            if not response.is_request and response.cseq == self.cseq and response.status >= 200:
                return response

    def challenges(self, **how):
        """What a REGISTER without credentials is offered, by algorithm and in order."""
        response = self.register(**how)
        expect_equal(response.status, 401, "answer to a REGISTER without credentials")
        return challenges_of(response)

    def answer(self, challenge, secret=None, count=None, user=None, method="REGISTER", more=""):
        """The Authorization value: RFC 7616 §3.4."""
        challenge.count = count or challenge.count + 1
        hashed, secret = HASHES[challenge["algorithm"]], self.secret if secret is None else secret
        uri, nc, cnonce = f"sip:{DOMAIN}", f"{challenge.count:08x}", keep_secret("cnonce", secrets.token_hex(8))
        keep_secret("nonce", challenge["nonce"])

        def respond(name, a2):
            parts = (ha1(hashed, self.user, secret), challenge["nonce"], nc, cnonce, "auth", hashed(a2.encode()).hexdigest())
            return keep_secret(name, hashed(":".join(parts).encode()).hexdigest())

        self.rspauth = respond("rspauth", f":{uri}")
        return (f'Digest username="{user or self.user}@{DOMAIN}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", '
                f'uri="{uri}", response="{respond("response", f"{method}:{uri}")}", algorithm={challenge["algorithm"]}, '
                f'cnonce="{cnonce}", qop=auth, nc={nc}{more}')

    def sign_in(self, algorithm, secret=None):
        """As a telephone does: also on after a nonce that was too old. The last response, and the challenge it is for."""
        challenge = self.challenges()[algorithm]
        for _ in range(20):
            response = self.register(self.answer(challenge, secret))
            if response.status != 401:
                return response, challenge
            challenge = challenges_of(response)[algorithm]
            expect_equal(challenge.get("stale"), "true", "stale")
        raise Failure("stale again and again")

    def look(self, challenge):
        """What the USIM says to the challenge, see Usim.look()."""
        verdict, *values = self.usim.look(base64.b64decode(challenge["nonce"]))
        for name, value in zip(("RES", "CK", "IK") if verdict == "res" else ("AUTS",), values):
            keep_secret(name, value)
        return verdict, *values


def challenges_of(response):
    found = [Challenge(challenge_of(v)) for n, v in response.headers if n == "WWW-Authenticate"]
    return {c["algorithm"]: c for c in found}


def protected(user, said="yes"):
    """What a P-CSCF makes of a re-registration over its security association, TS 24.229 §5.2.2."""
    return (f'Digest username="{user}@{DOMAIN}", realm="{DOMAIN}", nonce="", uri="sip:{DOMAIN}", response="", '
            f'integrity-protected="{said}"')


# ---------------------------------------------------------------- SIP digest

def the_usim_of_the_test_is_that_of_the_specification():
    """Test set 1 of TS 35.208."""
    milenage = Milenage.with_op(K, bytes.fromhex("cdc202d5123e20f62b6d676ac72cb318"))
    rand = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
    found = [v.hex() for v in (milenage.opc, *milenage.f1(rand, bytes.fromhex("ff9bb4d0b607"), bytes.fromhex("b9b9")),
                               milenage.f2(rand), milenage.f3(rand), milenage.f4(rand), milenage.f5(rand), milenage.f5_star(rand))]
    expect_equal(found, [OPC.hex(), "4a9ffac354dfafb3", "01cfaf9ec4e871e9", "a54211d5e3ba50bf", "b40ba9a3c58b2a05bbf0d987b21bf8cb",
                         "f769bcd751044604127672711c6d3441", "aa689c648370", "451e8beca43b"], "OPc, f1, f1*, f2, f3, f4, f5, f5*")


# @req AU-2 AU-6
def the_right_password_registers():
    with Lab() as lab:
        for user in ("alice", "bob"):
            for algorithm in ("SHA-256", "MD5"):
                telephone = Telephone(lab, user)
                with lab.counted(challenges=1):
                    offered = telephone.challenges()
                expect_equal(list(offered), ["SHA-256", "MD5"], "offered algorithms in their order")
                expect(len({c["nonce"] for c in offered.values()}) == 1, "one nonce for both")
                for expires in (600, 0):
                    with lab.counted(registrations=1):
                        response = telephone.register(telephone.answer(offered[algorithm]), expires=expires)
                    expect_equal(response.status, 200, f"{user} with {algorithm}")
                    info = challenge_of("Digest " + response.get("Authentication-Info"))
                    expect_equal(info["rspauth"], telephone.rspauth, "the server knows the secret too")
                    expect_equal(f"sip:{user}@{DOMAIN}" in lab.users(), expires > 0, "registered")


# @req AU-14
def a_wrong_password_is_403():
    with Lab() as lab:
        for user in ("alice", "bob"):
            for algorithm in ("SHA-256", "MD5"):
                telephone = Telephone(lab, user)
                challenge = telephone.challenges()[algorithm]
                with lab.counted(failures=1):
                    response = telephone.register(telephone.answer(challenge, keep_secret("password", "close sesame 4711")))
                expect_equal(response.status, 403, f"{user} with a wrong password by {algorithm}")
                expect_equal([v for n, v in response.headers if n.startswith(("WWW-", "Authentication-"))], [], "its headers")
        with lab.counted(failures=1):
            expect_equal(telephone.register(telephone.answer(challenge, user="alice")).status, 403, "another user's name")
        with lab.counted(failures=1):  # typed into the wrong field
            expect_equal(telephone.register(telephone.answer(challenge, user=PASSWORD)).status, 403, "a password as user name")
        expect_equal(lab.users(), [], "registered users")
        said = [line for line in lab.adieu.process.text().splitlines() if "authentication failed" in line]
        expect_equal(len(said), 6, "failures in the log")
        expect(all(f"source=udp:{STRANGER}:" in line or STRANGER in line for line in said), f"the log said {said!r}")


# @req AU-3
def a_replayed_nonce_count_is_refused():
    with Lab() as lab:
        for algorithm in ("SHA-256", "MD5"):
            telephone = Telephone(lab, "alice")
            challenge = telephone.challenges()[algorithm]
            first = telephone.answer(challenge)
            expect_equal(telephone.register(first).status, 200, "the first time")
            expect_equal(telephone.register(telephone.answer(challenge, count=7)).status, 200, "a higher count")
            for again in (first, telephone.answer(challenge, count=7), telephone.answer(challenge, count=6)):
                with lab.counted(challenges=1, failures=1, replays=1, stale=1):
                    response = telephone.register(again)
                expect_equal(response.status, 401, "a count that was used")
                expect(response.get("Authentication-Info") is None, "a replay learns nothing")
                fresh = challenges_of(response)[algorithm]
                expect_equal(fresh.get("stale"), "true", "stale")
                expect(fresh["nonce"] != challenge["nonce"], "the nonce is new")
            expect_equal(telephone.register(telephone.answer(challenge, count=8)).status, 200, "the old nonce goes on")
            expect_equal(telephone.register(telephone.answer(fresh)).status, 200, "and so does the new one")


# @req AU-13
def an_expired_nonce_is_stale():
    with Lab(nonce_lifetime="1s") as lab:
        telephone = Telephone(lab, "alice")
        response, challenge = telephone.sign_in("SHA-256")
        expect_equal(response.status, 200, "a fresh nonce")
        before = lab.counts()

        def expired():
            answer = telephone.register(telephone.answer(challenge))
            return answer if answer.status == 401 else expect_equal(answer.status, 200, "until then")

        response = wait_until(expired, "the end of the nonce")
        after = lab.counts()
        for name, grown in (("stale", 1), ("failures", 0), ("replays", 0)):
            expect_equal(after[f"authentication_{name}"] - before[f"authentication_{name}"], grown, name)
        expect_equal([c.get("stale") for c in challenges_of(response).values()], ["true", "true"], "stale")
        with lab.counted(failures=1):
            response = telephone.register(telephone.answer(challenge, "close sesame"))
        expect_equal(response.status, 403, "a wrong password with the old nonce")
        response, _ = telephone.sign_in("SHA-256")
        expect_equal(response.status, 200, "a new nonce")


# @req AU-13
def a_nonce_of_somebody_else_is_stale():
    with Lab() as lab:
        alice, bob = Telephone(lab, "alice"), Telephone(lab, "bob")
        for challenge in (bob.challenges()["MD5"], Challenge(alice.challenges()["MD5"], nonce="bmV2ZXIgZ2l2ZW4gYXQgYWxs")):
            with lab.counted(challenges=1, stale=1):
                response = alice.register(alice.answer(challenge))
            expect_equal(response.status, 401, "a nonce that was not given to her")
            expect_equal(challenges_of(response)["MD5"].get("stale"), "true", "stale")


# ---------------------------------------------------------------- IMS AKA

def carol(lab, host=STRANGER, sqn=0):
    return Telephone(lab, "carol", host, Usim(K, OPC, sqn))


# @req AU-9
def the_right_res_registers_once():
    with Lab() as lab:
        telephone = carol(lab)
        for turn in range(3):
            challenge = telephone.challenges()["AKAv1-MD5"]
            verdict, res, *_ = telephone.look(challenge)
            expect_equal(verdict, "res", f"the USIM believes challenge {turn}")
            authorization = telephone.answer(challenge, res)
            with lab.counted(registrations=1):
                response = telephone.register(authorization)
            expect_equal(response.status, 200, "RES")
            info = challenge_of("Digest " + response.get("Authentication-Info"))
            expect_equal(info["rspauth"], telephone.rspauth, "the server knows RES too")
            with lab.counted(challenges=1):  # proves nothing: a new beginning
                expect_equal(telephone.register(authorization).status, 401, "the same once more")


# @req AU-9
def a_wrong_res_is_403_and_ends_the_challenge():
    with Lab() as lab:
        telephone = carol(lab)
        challenge = telephone.challenges()["AKAv1-MD5"]
        _, res, *_ = telephone.look(challenge)
        wrong = keep_secret("RES", bytes([res[0] ^ 1]) + res[1:])
        with lab.counted(failures=1):
            expect_equal(telephone.register(telephone.answer(challenge, wrong)).status, 403, "a wrong RES")
        with lab.counted(challenges=1):
            expect_equal(telephone.register(telephone.answer(challenge, res)).status, 401, "the right one, too late")
        expect_equal(lab.users(), [], "registered users")


# @req AU-9
def a_challenge_of_aka_ends_by_its_timer():
    """It is over when a nonce that was given after it, for the same time, is: so nothing needs to be slept for."""
    with Lab(nonce_lifetime="1s", challenge_wait="1s") as lab:
        telephone, clock = carol(lab), Telephone(lab, "bob")
        challenge = telephone.challenges()["AKAv1-MD5"]
        _, res, *_ = telephone.look(challenge)
        later = clock.challenges()["MD5"]
        wait_until(lambda: clock.register(clock.answer(later)).status == 401, "the end of a later nonce")
        with lab.counted(challenges=1):
            expect_equal(telephone.register(telephone.answer(challenge, res)).status, 401, "RES after reg-await-auth")


# @req AU-10 AU-11
def auts_resynchronises_when_it_is_right():
    with Lab() as lab:
        telephone = carol(lab, sqn=0x123456789A)
        challenge = telephone.challenges()["AKAv1-MD5"]
        verdict, auts = telephone.look(challenge)
        expect_equal(verdict, "auts", "the USIM knows higher numbers")
        right = f', auts="{base64.b64encode(auts).decode()}"'
        wrong = keep_secret("AUTS", auts[:-1] + bytes([auts[-1] ^ 1]))
        with lab.counted(failures=1):
            response = telephone.register(telephone.answer(challenge, b"", more=f', auts="{base64.b64encode(wrong).decode()}"'))
        expect_equal(response.status, 403, "a wrong AUTS")
        with lab.counted(challenges=1):  # that challenge is gone, and the number is not believed
            response = telephone.register(telephone.answer(challenge, b"", more=right))
        challenge = challenges_of(response)["AKAv1-MD5"]
        verdict, auts = telephone.look(challenge)
        expect_equal(verdict, "auts", "still too low")
        with lab.counted(challenges=1, resynchronisations=1):
            response = telephone.register(telephone.answer(challenge, b"", more=f', auts="{base64.b64encode(auts).decode()}"'))
        expect_equal(response.status, 401, "a right AUTS")
        challenge = challenges_of(response)["AKAv1-MD5"]
        verdict, *values = telephone.look(challenge)
        expect_equal(verdict, "res", "the next challenge")
        with lab.counted(registrations=1):
            expect_equal(telephone.register(telephone.answer(challenge, values[0])).status, 200, "its RES")


# @req AU-8
def keys_go_to_a_trusted_p_cscf_only():
    with Lab() as lab:
        for host, is_trusted in ((P_CSCF, True), (STRANGER, False), (NEIGHBOUR, False)):
            telephone = carol(lab, host)
            response = telephone.register()
            challenge = challenges_of(response)["AKAv1-MD5"]
            _, _, ck, ik = telephone.look(challenge)
            expect_equal((challenge.get("ck"), challenge.get("ik")), (ck.hex(), ik.hex()) if is_trusted else (None, None),
                         f"keys for {host}")
            if not is_trusted:
                expect_equal(found_in([response.encode().decode()], {"ck": ck.hex(), "ik": ik.hex()}), [], f"keys for {host}")


# ---------------------------------------------------------------- per source

# @req AU-12
def failures_are_limited_per_source():
    with Lab(failures_per_minute=3) as lab:
        guesser, neighbour = Telephone(lab, "alice"), Telephone(lab, "alice", NEIGHBOUR)
        challenge = guesser.challenges()["MD5"]
        for guess in range(3):
            with lab.counted(failures=1):
                expect_equal(guesser.register(guesser.answer(challenge, f"guess {guess}")).status, 403, f"guess {guess}")
        for name, authorization in (("a guess", guesser.answer(challenge, "guess 4")), ("no credentials", None),
                                    ("even the right password", guesser.answer(challenge))):
            with lab.counted(throttled=1):
                response = guesser.register(authorization)
            expect_equal(response.status, 503, name)
            expect(1 <= int(response.get("Retry-After")) <= 60, f"Retry-After: {response.get('Retry-After')}")
        other_port = Telephone(lab, "bob")
        expect_equal(other_port.register().status, 503, "another port and user of the same address")
        response, _ = neighbour.sign_in("SHA-256")
        expect_equal(response.status, 200, "another address")
        lab.set(failures_per_minute=0)
        expect_equal(guesser.register(guesser.answer(guesser.challenges()["MD5"])).status, 200, "without a limit")


# @req AU-12
def behind_a_p_cscf_each_user_has_a_limit_of_its_own():
    with Lab(failures_per_minute=2) as lab:
        alice, bob = Telephone(lab, "alice", P_CSCF), Telephone(lab, "bob", P_CSCF)
        challenge = alice.challenges()["MD5"]
        for guess in range(2):
            expect_equal(alice.register(alice.answer(challenge, f"guess {guess}")).status, 403, f"guess {guess}")
        expect_equal(alice.register().status, 503, "the user who is guessed at")
        expect_equal(bob.sign_in("SHA-256")[0].status, 200, "another user behind the same P-CSCF")


# @req AU-7
def integrity_protected_counts_from_a_trusted_p_cscf_only():
    with Lab() as lab:
        inside, outside = Telephone(lab, "alice", P_CSCF), Telephone(lab, "alice")
        with lab.counted(challenges=1):
            expect_equal(inside.register(protected("alice")).status, 401, "not yet registered")
        expect_equal(inside.sign_in("SHA-256")[0].status, 200, "registered")
        for said, status in (("yes", 200), ("tls-yes", 200), ("ip-assoc-yes", 200), ("no", 401), ("maybe", 401)):
            expect_equal(inside.register(protected("alice", said)).status, status, f"re-registration with {said}")
            expect_equal(outside.register(protected("alice", said)).status, 401, f"{said} from a stranger")
        telephone = carol(lab, P_CSCF)
        challenge = telephone.challenges()["AKAv1-MD5"]
        _, res, *_ = telephone.look(challenge)
        authorization = telephone.answer(challenge, res, more=', integrity-protected="yes"')
        expect_equal(telephone.register(authorization).status, 200, "RES over the association")
        with lab.counted(registrations=1):
            expect_equal(telephone.register(authorization).status, 200, "the same again, as RFC 3310 has it, protected")
        with lab.counted(challenges=1):
            expect_equal(carol(lab).register(authorization).status, 401, "the same from a stranger")


# ---------------------------------------------------------------- algorithms

# @req AU-16
def only_configured_algorithms_are_offered():
    with Lab(digest="[md5]") as lab:
        for configured, not_offered in (("[md5]", "SHA-256"), ("[sha-256]", "MD5"), ("[md5, sha-256]", None)):
            lab.set(digest=configured)
            for user in ("alice", "bob"):
                telephone = Telephone(lab, user)
                offered = telephone.challenges()
                expect_equal([a.lower() for a in offered], configured.strip("[]").split(", "), "offered")
                if not_offered:
                    other = Challenge(*offered.values(), algorithm=not_offered)
                    with lab.counted(challenges=1):
                        expect_equal(telephone.register(telephone.answer(other)).status, 401, f"{not_offered} for {configured}")
                for algorithm in offered:  # each with a nonce of its own: the count is that of the nonce
                    challenge = telephone.challenges()[algorithm]
                    expect_equal(telephone.register(telephone.answer(challenge)).status, 200, f"{algorithm} of {configured}")


SIPP_REGISTERS = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="registers">
  <send retrans="500"><![CDATA[
REGISTER sip:ims.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@ims.example>;tag=[call_number]
To: <sip:alice@ims.example>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:alice@[local_ip]:[local_port]>
Expires: 600
Content-Length: 0

  ]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
REGISTER sip:ims.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@ims.example>;tag=[call_number]
To: <sip:alice@ims.example>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:alice@[local_ip]:[local_port]>
[authentication username=alice@ims.example password=@PASSWORD@]
Expires: 600
Content-Length: 0

  ]]></send>
  <recv response="@STATUS@"/>
</scenario>
"""


def sipp(lab, password, status):
    scenario = Folder().file("registers.xml", SIPP_REGISTERS.replace("@PASSWORD@", password).replace("@STATUS@", status))
    Sipp(scenario, f"{STRANGER}:{lab.adieu.port}", free_port(), 1, more=("-auth_uri", DOMAIN)).expect_success()


# @req AU-16
def sipp_registers_when_it_is_offered_md5_only():
    with Lab(digest="[md5]") as lab:
        lab.file("credentials.yaml", good_credentials().replace(PASSWORD, keep_secret("password", "sipp-0815")))
        lab.set()
        with lab.counted(challenges=1, registrations=1):
            sipp(lab, "sipp-0815", "200")
        expect_equal(lab.users(), [f"sip:alice@{DOMAIN}"], "registered users")
        with lab.counted(challenges=1, failures=1):
            sipp(lab, "sipp-4711", "403")


# ---------------------------------------------------------------- secrecy

def answer_invite(callee, invite):
    """200, with what an answer copies."""
    answer = Message("SIP/2.0 200 OK", [*invite.copies("Via", "From", "Record-Route", "Call-ID", "CSeq"),
                                        ("To", f"{invite.get('To')};tag={callee.tag}"),
                                        ("Contact", f"<sip:{callee.user}@{callee.host}:{callee.port}>")])
    callee.send(answer)


def wait_for(telephone, method, status=None):
    while True:
        message = telephone.receive()
        if message.method == method and (message.is_request if status is None else
                                         not message.is_request and message.status == status):
            return message


# @req AU-14
def credentials_in_requests_are_not_told():
    """Calls whose requests carry credentials, and REGISTERs that are wrong in any way: each is told of in log or trace."""
    callee_port = free_port()
    with Lab(bindings=f"sip:bob@{DOMAIN} <sip:bob@{P_CSCF}:{callee_port}>\n") as lab:
        caller, callee = Telephone(lab, "alice", P_CSCF), Telephone(lab, "bob", P_CSCF)
        callee.socket.close()
        callee.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        callee.socket.bind((P_CSCF, callee_port))
        callee.socket.settimeout(PATIENCE_S)
        callee.port = callee_port
        challenge = caller.challenges()["MD5"]
        authorization = caller.answer(challenge, method="INVITE")
        caller.cseq += 1
        caller.send(caller.request("INVITE", f"sip:bob@{DOMAIN}", to=f"<sip:bob@{DOMAIN}>", more=[
            ("P-Asserted-Identity", f"<sip:alice@{DOMAIN}>"), ("Authorization", authorization),
            ("Proxy-Authorization", authorization)]))
        answer_invite(callee, wait_for(callee, "INVITE"))
        answer = wait_for(caller, "INVITE", 200)
        routes = [("Route", ", ".join(reversed(answer.values("Record-Route"))))]
        caller.send(caller.request("ACK", address_uri(answer.get("Contact")), to=answer.get("To"), more=routes))
        wait_for(callee, "ACK")
        lab.adieu.wait_for_sessions(1)
        lab.ask_operator()
        release = threading.Thread(target=lab.adieu.adieu, args=("release", "--all"))  # it waits for the end
        release.start()
        for telephone in (caller, callee):
            bye = wait_for(telephone, "BYE")
            telephone.send(Message("SIP/2.0 200 OK", bye.copies("Via", "From", "To", "Call-ID", "CSeq")))
        release.join(PATIENCE_S)
        expect_equal(lab.adieu.gauges()["sessions"], 0, "sessions after the release")

        for wrong in (authorization.replace("qop=auth", "qop=none"), authorization.replace('"', ""), authorization + ", x",
                      authorization.replace("Digest ", "Digest realm=x, "), authorization[:-20], authorization.replace("uri=", "url=")):
            expect(caller.register(wrong).status in (400, 401, 403), "a REGISTER that is wrong")
        status = Telephone(lab, "alice").register(authorization, to=f"<sip:alice:{PASSWORD.replace(' ', '%20')}@{DOMAIN}>").status
        expect(status in (400, 401, 403), f"status {status}")
        malformed = caller.request("REGISTER", f"sip:{DOMAIN}", [("Authorization", authorization)])
        malformed.headers = [(n, v.replace("REGISTER", "INVITE")) if n == "CSeq" else (n, v) for n, v in malformed.headers]
        caller.send(malformed)
        lab.adieu.process.wait_for_line('level=debug msg="message refused')
    expect(found_in(written, {"the trace": "INVITE", "who": f"sip:alice@{DOMAIN}"}) == ["the trace", "who"],
           "what was asked of the operator's command shows the call")


# @req SUB-11
def broken_credentials_are_not_told():
    secret = {n: keep_secret("broken", f"hunter2{n}") for n in range(12)}
    short, long = keep_secret("K", K.hex()[:-2]), keep_secret("K", K.hex() + "00")
    broken = (f"  password: {secret[0]}\n  md5: {secret[1]}\n", f"  md5: {secret[2]}\n", f"  {secret[3]}: {secret[4]}\n",
              f"  - {secret[5]}\n", f" {secret[6]}\n", f"  password: [{secret[7]}\n", f"  password: {{{secret[8]}: 1}}\n",
              f"  password: \"{secret[9]}\n", f"  password: *{secret[10]}\n", f"\tpassword: {secret[11]}\n",
              f"  k: {short}\n  opc: {OPC.hex()}\n", f"  k: {K.hex()}\n  opc: {long}\n", f"  k: {K.hex()}\n",
              f"  k: {K.hex()}\n  opc: {OPC.hex()}\n  op: {OPC.hex()}\n", f"  k: {K.hex()}\n  password: {PASSWORD}\n",
              f"  password: {PASSWORD}\n  password: {PASSWORD}\n")
    with Lab() as lab:
        for text in broken:
            lab.file("credentials.yaml", f"alice@{DOMAIN}:\n{text}")
            done = subprocess.run([os.path.join(build_folder(), "adieud"), "-c", "-f", lab.adieu.config],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            written.append(said)
            expect_equal(done.returncode, 1, f"exit status for {text!r}")
            expect(re.search(r"/credentials\.yaml:\d+: ", said), f"for {text!r} it said {said!r}")
            before = len(lab.adieu.process.lines)
            lab.adieu.process.signal(signal.SIGHUP)
            lab.adieu.process.wait_for_line("the old configuration stays in force", after=before)
            status, out, err = lab.adieu.adieu("reload")
            written.extend((out, err))
            expect_equal(status, 1, "exit status of adieu reload")


# @req AU-14
def nothing_that_was_written_has_a_credential():
    for name, value in (("password", PASSWORD), ("password", BOBS), ("K", K), ("OPc", OPC)):
        keep_secret(name, value)
    kinds = {re.match(r"[A-Za-z0-9]+", name).group() for name in secret_values}
    expect(kinds >= {"password", "HA1", "K", "OPc", "response", "rspauth", "RES", "CK", "IK", "AUTS", "nonce", "cnonce", "broken"},
           f"all kinds were used: {sorted(kinds)}")
    expect(all(len(value) >= 8 for value in secret_values.values()), "short ones would be found anywhere")
    # The search finds whatever is there, and looks where the daemon writes.
    planted = [f"msg=\"x\" {value.upper()}=" for value in secret_values.values()]
    expect_equal(found_in([*written, *planted], secret_values), list(secret_values), "what is there is found")
    for line, name in zip(planted, secret_values):
        expect(name in found_in([line], {name: secret_values[name]}), f"{name} is found where it is")
    everywhere = {f"word {n}": word for n, word in enumerate(("level=debug", "authentication failed", "credentials.yaml:3",
                                                             '"authentication_failures"', f'"sip:alice@{DOMAIN}"'))}
    expect_equal(found_in(written, everywhere), list(everywhere), "words that were written")
    expect_equal(found_in(written, secret_values), [], "credentials that were written")


def main():
    tap, began = Tap(), time.monotonic()
    for case in (
            the_usim_of_the_test_is_that_of_the_specification, the_right_password_registers, a_wrong_password_is_403,
            a_replayed_nonce_count_is_refused, an_expired_nonce_is_stale, a_nonce_of_somebody_else_is_stale,
            the_right_res_registers_once, a_wrong_res_is_403_and_ends_the_challenge, a_challenge_of_aka_ends_by_its_timer,
            auts_resynchronises_when_it_is_right, keys_go_to_a_trusted_p_cscf_only, failures_are_limited_per_source,
            behind_a_p_cscf_each_user_has_a_limit_of_its_own, integrity_protected_counts_from_a_trusted_p_cscf_only,
            only_configured_algorithms_are_offered, sipp_registers_when_it_is_offered_md5_only,
            credentials_in_requests_are_not_told, broken_credentials_are_not_told, nothing_that_was_written_has_a_credential):
        tap.case(case.__name__.replace("_", " "), case)
    print(f"# {time.monotonic() - began:.1f} s", flush=True)
    tap.end()


if __name__ == "__main__":
    main()
