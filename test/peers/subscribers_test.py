#!/usr/bin/env python3
"""The folder of subscribers as the daemon sees it: adieud -c, the start, SIGHUP with good and broken folders under calls."""

import os
import re
import shutil
import signal
import subprocess

from peers import ROOT, Adieu, Sipp, Tap, build_folder, expect, expect_equal, free_port

EXAMPLES = os.path.join(ROOT, "etc", "demo", "subscribers")


class Lab:
    """A daemon with a folder of subscribers, at first the examples."""

    def __init__(self, bindings=""):
        self.adieu = Adieu(bindings=bindings, scscf="  subscribers: users\n", workers=2)
        self.users = self.adieu.folder.file("users")
        os.mkdir(self.users)
        for name in ("alice.xml", "bob.xml"):
            shutil.copy(os.path.join(EXAMPLES, name), self.users)
        with open(os.path.join(EXAMPLES, "credentials.example.yaml")) as f:
            self.file("credentials.yaml", f.read())

    def file(self, name, text, mode=0o640):
        path = os.path.join(self.users, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(os.path.join(self.users, name)) as f:
            return f.read()

    def check(self):
        """adieud -c: exit status and the lines it printed."""
        done = subprocess.run([os.path.join(build_folder(), "adieud"), "-c", "-f", self.adieu.config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def reload(self):
        """By signal; the lines of the log since."""
        before = len(self.adieu.process.lines)
        self.adieu.process.signal(signal.SIGHUP)
        self.adieu.process.wait_for_line('msg="reloaded"|the old configuration stays in force', after=before)
        return "\n".join(self.adieu.process.lines[before:])


def user(name):
    return (f"<IMSSubscription><PrivateID>{name}@ims.example</PrivateID><ServiceProfile>\n"
            f"<PublicIdentity><Identity>sip:{name}@ims.example</Identity></PublicIdentity>\n"
            "</ServiceProfile></IMSSubscription>\n")


# @req SUB-1
def the_check_accepts_the_examples():
    status, printed = Lab().check()
    expect_equal(status, 0, "exit status")
    expect(re.fullmatch(r"\S+/adieu\.yaml: correct, [0-9]+ subscribers?(, .*)?\n", printed), f"it printed {printed!r}")


def the_check_warns_of_what_is_hardly_meant():
    lab = Lab(bindings="sip:nobody@ims.example <sip:127.0.0.1:6000>\n")
    lab.file("alice.xml", lab.read("alice.xml").replace("<ServerName>sip:127.0.0.1", "<ServerName>sip:as.nowhere.example", 1))
    lab.file("zoe.xml", user("zoe").replace("sip:zoe@ims.example", "sip:zoe@elsewhere.example"))
    with open(lab.adieu.config, "a") as f:
        f.write('sccas: {stn_sr: ["+4916000001"]}\n')
    status, printed = lab.check()
    expect_equal(status, 0, "exit status")
    for pattern in (r"no route to its application server sip:as\.nowhere\.example", r"sip:zoe@elsewhere\.example is outside of scscf\.domains",
                    r"sip:nobody@ims\.example is no subscriber", r"sccas\.stn_sr or sccas\.atu_sti without sccas\.listen"):
        expect(re.search(r"adieu\.yaml: warning: .*" + pattern, printed), f"no {pattern!r} in {printed!r}")


# @req SUB-2
def the_check_prints_file_and_line():
    lab = Lab()
    lab.file("alice.xml", lab.read("alice.xml").replace("<Priority>10<", "<Priority>ten<").replace("sip:127.0.0.1", "127.0.0.1"))
    lab.file("zoe.xml", user("bob").replace("bob@ims.example</P", "zoe@ims.example</P"))
    with open(lab.adieu.bindings, "w") as f:
        f.write("nonsense\n")
    status, printed = lab.check()
    expect_equal(status, 1, "exit status")
    lines = printed.splitlines()
    expect(len(lines) == 4, f"it printed {printed!r}")
    expect(any(re.fullmatch(r"/.*/bindings:1: .*", line) for line in lines), f"the bindings: {printed!r}")
    for pattern in (r'/.*/users/alice\.xml:19: Priority: "ten" is not valid; expected a number from 0 to 2147483647',
                    r'/.*/users/alice\.xml:37: ServerName: .* expected a SIP URI.*',
                    r"/.*/users/zoe\.xml:2: sip:bob@ims\.example stands in bob\.xml already; .*"):
        expect(any(re.fullmatch(pattern, line) for line in lines), f"no {pattern!r} in {printed!r}")


def the_check_names_a_folder_that_is_not_there():
    lab = Lab()
    shutil.rmtree(lab.users)
    status, printed = lab.check()
    expect_equal(status, 1, "exit status")
    expect(printed.endswith("/users: cannot be read: No such file or directory (scscf.subscribers)\n"), f"it printed {printed!r}")
    done = subprocess.run([os.path.join(build_folder(), "adieud"), "-f", lab.adieu.config, "-s", lab.adieu.socket],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    expect_equal(done.returncode, 1, "exit status of a start")
    expect("cannot be read" in done.stderr, f"it said {done.stderr!r}")


# @req SUB-11
def no_credential_is_printed():
    lab = Lab()
    secret = "hunter2"
    lab.file("credentials.yaml", f"alice@ims.example:\n  password: {secret}\n  md5: {secret}\nbob@ims.example: {secret}\n")
    status, printed = lab.check()
    expect_equal(status, 1, "exit status")
    expect("/credentials.yaml:3: md5 is not valid" in printed and "/credentials.yaml:4: " in printed, f"it printed {printed!r}")
    expect(secret not in printed, f"it printed {printed!r}")
    lab.file("credentials.yaml", f"alice@ims.example:\n  password: {secret}\n", mode=0o644)
    status, printed = lab.check()
    expect_equal(status, 1, "exit status for a file open to everybody")
    expect("open to everybody (mode 0644); expected permissions" in printed, f"it printed {printed!r}")


# @req SUB-12
def a_reload_exchanges_the_users_and_leaves_calls_alone():
    callee_port = free_port()
    lab = Lab(bindings=f"sip:bob@ims.example <sip:bob@127.0.0.1:{callee_port}>\n")
    daemon = lab.adieu
    with_users = daemon.yaml
    without_users = daemon.yaml.replace("  subscribers: users\n", "")
    daemon.folder.file("adieu.yaml", without_users)
    daemon.start()
    callee = Sipp("callee_answers.xml", f"127.0.0.1:{daemon.port}", callee_port, 2).wait_bound()
    caller = Sipp("caller_waits.xml", f"127.0.0.1:{daemon.port}", free_port(), 2)
    daemon.wait_for_sessions(2)

    # The users come, and one more.
    daemon.folder.file("adieu.yaml", with_users)
    expect('msg="subscribers" sets=2' in lab.reload(), "two users")
    lab.file("carol.xml", user("carol"))
    expect('msg="subscribers" sets=3' in lab.reload(), "a third user")
    # A broken file: the old users stay, and the log says why, with the line.
    lab.file("carol.xml", user("carol").replace("sip:carol@ims.example", "carol"))
    said = lab.reload()
    expect(re.search(r"/users/carol\.xml:2: Identity: ", said), f"the log said {said!r}")
    expect("the old configuration stays in force" in said and "reloaded" not in said, f"the log said {said!r}")
    status, _, err = daemon.adieu("reload")
    expect_equal(status, 1, "exit status of adieu reload")
    expect("/users/carol.xml:2: Identity: " in err, f"adieu reload said {err!r}")
    # Again and again, while calls stand; and without users at last.
    os.remove(os.path.join(lab.users, "carol.xml"))
    for _ in range(20):
        expect('msg="subscribers" sets=2' in lab.reload(), "two users again")
    daemon.folder.file("adieu.yaml", without_users)
    expect("subscribers" not in lab.reload(), "no subscribers")

    expect_equal(daemon.gauges()["sessions"], 2, "sessions after the reloads")
    daemon.adieu("release", "--all")
    caller.expect_success()
    callee.expect_success()
    expect_equal(daemon.stop(), 0, "exit status of the daemon")


def many_users_start_in_seconds():
    lab = Lab()
    for n in range(2000):
        lab.file(f"u{n}.xml", user(f"u{n}"))
    status, printed = lab.check()
    expect((status == 0) and printed.endswith(": correct, 2002 subscribers\n"), f"check of 2002 users: {status} {printed!r}")
    daemon = lab.adieu.start()
    daemon.process.wait_for_line('msg="subscribers" sets=2002')
    expect_equal(daemon.stop(), 0, "exit status of the daemon")


def main():
    tap = Tap()
    tap.case("the check accepts the examples", the_check_accepts_the_examples)
    tap.case("the check warns of what is allowed and hardly meant", the_check_warns_of_what_is_hardly_meant)
    tap.case("the check prints file and line, of all files in one run", the_check_prints_file_and_line)
    tap.case("the check names a folder that is not there", the_check_names_a_folder_that_is_not_there)
    tap.case("no credential is printed", no_credential_is_printed)
    tap.case("a reload exchanges the users and leaves calls alone", a_reload_exchanges_the_users_and_leaves_calls_alone)
    tap.case("thousands of users", many_users_start_in_seconds)
    tap.end()


if __name__ == "__main__":
    main()
