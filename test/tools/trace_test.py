#!/usr/bin/env python3
"""Requirement, code and test are joined, and what is missing on any side is found."""
import subprocess
import sys
from pathlib import Path

import tap

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools/trace.py"

SPEC = """# Planted

### SC-1 — TS 24.229 §5.4.5.1.2
scope: proxy
The first of two.

### SC-2a — TS 24.229 §5.4.5.1.2 2)
scope: proxy
A half of the second,
on two lines | with a bar.

### RF-20, RC-1 — RFC 5407 §3.2.1
scope: proxy
One thing with two names.

### RC-T — TS 24.229 §7.7
scope: proxy
A letter instead of a number.

### RF-2 — RFC 3261 §12.2.2
scope: elsewhere — user agents only
Not ours.

### RF-9 — RFC 6026 §7
scope: proxy
exception: needs two machines
Ours, but excepted.
"""
TESTS = {
    "test/roles/a_test.c": "static void test_sc_1_first_bye(void **state) {}\nstatic void test_sc_2a_random(void **state) {}\n",
    "test/sim/stories/one.story": "# @req RC-1\ncaller -> INVITE\n",
    "test/peers/late_test.py": "# @req RC-T: late\ndef test_late():\n    pass\n",
}
CODE = {"src/roles/scscf/release.c": "/* TS 24.229 §5.4.5.1.2  S-CSCF: release of an existing session\n * @req SC-1 RC-1, SC-2a and more */\n"}


def run(root, *options):
    return subprocess.run([sys.executable, TOOL, "--root", root, *options], capture_output=True, text=True)


def check(folder, files, spec=SPEC):
    tap.write(folder, {"spec/all.md": spec} | files)
    return run(folder, "--check")


def expect(result, status, *words):
    assert result.returncode == status, result.stdout + result.stderr
    for word in words:
        assert word in result.stdout, (word, result.stdout)


def test_everything_named_passes(folder):
    expect(check(folder, TESTS | CODE), 0, "6 requirements: 4 tested, 1 excepted, 0 without a test, 1 left out")


def test_each_missing_test_is_found(folder):
    tap.write(folder, TESTS | CODE)
    for file, name in (("test/sim/stories/one.story", "RF-20, RC-1"), ("test/peers/late_test.py", "RC-T")):
        expect(check(folder, TESTS | {file: "nothing\n"}), 1, f"{name} (", "has no test and no exception")
    result = check(folder, TESTS | {"test/roles/a_test.c": "test_sc_1_first_bye\n"})
    expect(result, 1, "spec/all.md:7: SC-2a")
    assert "SC-1 (" not in result.stdout, result.stdout


def test_without_code_and_tests_it_fails(folder):
    expect(check(folder, {}), 1, "4 without a test", "SC-1", "SC-2a", "RF-20, RC-1", "RC-T")


def test_code_does_not_count_as_a_test(folder):
    expect(check(folder, CODE), 1, "SC-1 (")


def test_either_name_of_a_requirement_proves_it(folder):
    for name in ("RF-20", "RC-1"):
        expect(check(folder, TESTS | {"test/sim/stories/one.story": f"# @req {name}\n"}), 0)


def test_half_is_not_proved_by_the_whole(folder):
    expect(check(folder, TESTS | {"test/roles/a_test.c": "test_sc_1_x test_sc_2_x\n"}), 1,
           "SC-2 is no requirement", "SC-2a (")


def test_unknown_requirement_is_found_everywhere(folder):
    for file, text, place in (("src/sip/x.c", "\n/* @req SC-99 */\n", "src/sip/x.c:2"),
                              ("test/sip/x_test.c", "// @req RF-98\n", "test/sip/x_test.c:1"),
                              ("sim/x.c", "/* @req RC-97 */\n", "sim/x.c:1"),
                              ("test/sip/y_test.c", "void test_sc_96_x(void);\n", "test/sip/y_test.c: test_sc_96_x")):
        result = check(folder, TESTS | CODE | {file: text})
        expect(result, 1, place, "is no requirement")
        (folder / file).unlink()


def test_tag_without_requirement_is_found(folder):
    expect(check(folder, TESTS | {"src/sip/x.c": "/* @req see above */\n"}), 1, "src/sip/x.c:1: a tag without")


def test_other_test_names_are_no_tags(folder):
    files = TESTS | {"test/sip/x_test.c": "test_no_1_x test_uri_compare test_at_5 test_sc_x test_sc_names\n"}
    expect(check(folder, files), 0)


def test_tests_of_these_tools_are_passed_over(folder):
    expect(check(folder, TESTS | {"test/tools/trace_test.py": "# @req SC-99\n"}), 0)


def test_form_of_the_list_is_checked(folder):
    for broken, words in ((SPEC.replace("scope: elsewhere — user agents only", "scope: elsewhere"), "reason is missing"),
                          (SPEC.replace("scope: elsewhere — user agents only", "scope: perhaps"), "scope is"),
                          (SPEC.replace("exception: needs two machines", "exception:"), "reason of the exception"),
                          (SPEC.replace("### RC-T —", "### RC-T:"), "a requirement begins with"),
                          (SPEC.replace("### RC-T —", "### SC-1 —"), "SC-1 is there already"),
                          (SPEC.replace("Not ours.", ""), "RF-2 says nothing"),
                          (SPEC.replace("scope: proxy\nA letter", "A letter"), "RC-T has no scope"),
                          ("# nothing\n", "no requirement found")):
        expect(check(folder, TESTS | CODE, broken), 1, words)


def test_table_shows_code_and_tests(folder):
    tap.write(folder, {"spec/all.md": SPEC} | TESTS | CODE)
    expect(run(folder), 0, "SC-1         tested", "code: src/roles/scscf/release.c", "test: test/roles/a_test.c test_sc_1_first_bye",
           "test: test/peers/late_test.py test_late", "user agents only", "exception: needs two machines")


def test_markdown_is_written(folder):
    tap.write(folder, {"spec/all.md": SPEC} | TESTS | CODE)
    expect(run(folder, "--markdown"), 0)
    page = (folder / "docs/requirements.md").read_text()
    assert "| SC-2a | TS 24.229 §5.4.5.1.2 2) | A half of the second, on two lines \\| with a bar. |" in page, page
    assert "`test/roles/a_test.c` test_sc_2a_random |" in page, page
    assert "| RF-2 | RFC 3261 §12.2.2 | Not ours. | user agents only |" in page, page


def test_index_of_clauses_is_written(folder):
    tap.write(folder, {"spec/all.md": SPEC} | TESTS | CODE | {
        "src/roles/scscf/early.c": "/* TS 24.229 §5.4.5.1.1  S-CSCF: session being established */\n",
        "src/roles/scscf/late.c": "/* TS 24.229 §5.4.10  S-CSCF: late\n",
        "src/roles/words.c": '#include "roles/words.h"\n'})
    expect(run(folder, "--clauses"), 0)
    page = (folder / "docs/clauses.md").read_text()
    places = [page.index(f"| TS 24.229 §{clause} |") for clause in ("5.4.5.1.1", "5.4.5.1.2", "5.4.10")]
    assert places == sorted(places), page
    assert "| S-CSCF: session being established | [`src/roles/scscf/early.c`](../src/roles/scscf/early.c) |" in page, page
    assert "Without a clause of their own: `src/roles/words.c`." in page, page


def test_pages_that_are_not_current_are_found(folder):
    tap.write(folder, {"spec/all.md": SPEC} | TESTS | CODE)
    run(folder, "--markdown")
    run(folder, "--clauses")
    expect(run(folder, "--check"), 0)
    for page in ("requirements.md", "clauses.md"):
        path = folder / "docs" / page
        text = path.read_text()
        path.write_text("wrote " + text)
        expect(run(folder, "--check"), 1, f"docs/{page}: not what")
        path.write_text(text)


def test_own_list_is_in_form(_):
    """The list of this repository itself: every id of the two families is there."""
    spec = "".join(path.read_text() for path in (ROOT / "spec").glob("*.md"))
    for family, numbers in (("SC", range(0, 14)), ("RF", range(1, 22)), ("RC", range(1, 23))):
        for number in numbers:
            assert f"{family}-{number} — " in spec or f"{family}-{number}, " in spec, f"{family}-{number}"
    result = run(ROOT)
    for complaint in ("has no scope", "is there already", "says nothing", "reason is missing", "begins with"):
        assert complaint not in result.stdout, result.stdout


tap.run(globals())
