#!/usr/bin/env python3
"""Joins the requirements of spec/ with the code and the tests that name them.

    tools/trace.py              table: requirement, where in the code, which tests
    tools/trace.py --check      fails on a requirement in scope that no test names and that has no exception,
                                on a tag that names no requirement, and on a page below that is not current
    tools/trace.py --markdown   writes docs/requirements.md
    tools/trace.py --clauses    writes docs/clauses.md, from line 1 of the procedures
    (all with --root DIR for another tree)

Code names a requirement in a comment: @req SC-1 RF-7a. A test names it by its name (test_sc_1_..., test_rf_7a_...) or in
a comment, above the test or in a story. The form of spec/*.md is described in spec/README.md.
"""
import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ID = r"[A-Z]{2,3}-(?:\d+[a-z]?|[A-Z])"
HEADING = re.compile(rf"### ({ID}(?:, {ID})*) — (\S.*)")
TAG = re.compile(r"@req\b[ \t:]*([^\n]*)")
IDS_OF_TAG = re.compile(r"(?:[A-Z]{2,3}-\w+[ \t,]*)+")
ID_IN_TEST_NAME = re.compile(r"\btest_([a-z]{2,3})_(\d+[a-z]?|[a-z])(?=_|\b)")
TEST_NAME = re.compile(r"\btest_[a-z0-9_]+")
CLAUSE = re.compile(r"/\*\s*(?:@req [^*]*)?((?:TS|RFC|OMA|CPM|IM)\b[^§*]*§?[^ ]*\d\S*(?: and §\S+)?)\s+(.*?)\s*(?:\*/)?$")
TEXT_MAX = 1 << 20


@dataclass
class Requirement:
    ids: list
    clause: str
    place: str
    scope: str = ""
    reason: str = ""
    exception: str = ""
    text: str = ""
    code: list = field(default_factory=list)
    tests: list = field(default_factory=list)

    @property
    def name(self):
        return ", ".join(self.ids)

    @property
    def state(self):
        if self.scope == "elsewhere":
            return "left out"
        return "tested" if self.tests else "excepted" if self.exception else "no test"


def read_line(requirement, line, where, bad):
    key, _, value = line.partition(":")
    if key == "scope":
        requirement.scope, _, requirement.reason = (part.strip() for part in value.partition("—"))
        if requirement.scope not in ("proxy", "sccas", "elsewhere"):
            bad.append(f"{where}: scope is `proxy`, `sccas` or `elsewhere — reason`")
        if requirement.scope == "elsewhere" and not requirement.reason:
            bad.append(f"{where}: why is {requirement.name} elsewhere? The reason is missing")
    elif key == "exception":
        requirement.exception = value.strip()
        if not requirement.exception:
            bad.append(f"{where}: the reason of the exception is missing")
    elif line.strip():
        requirement.text = f"{requirement.text} {line.strip()}".strip()


def read_requirements(root):
    """(list in order, {id: requirement}, complaints)"""
    rows, by_id, bad = [], {}, []
    for path in sorted((root / "spec").glob("*.md"), key=lambda p: ("scscf release sip".find(p.stem), p.name)):
        current = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"spec/{path.name}:{number}"
            match = HEADING.fullmatch(line)
            if match:
                current = Requirement(match[1].split(", "), match[2], where)
                rows.append(current)
                for name in current.ids:
                    if name in by_id:
                        bad.append(f"{where}: {name} is there already, see {by_id[name].place}")
                    by_id[name] = current
            elif line.startswith("#"):
                if line.startswith("###"):
                    bad.append(f"{where}: a requirement begins with `### SC-1 — document and clause`")
                current = None
            elif current:
                read_line(current, line, where, bad)
    for row in rows:
        if not row.scope:
            bad.append(f"{row.place}: {row.name} has no scope")
        if not row.text:
            bad.append(f"{row.place}: {row.name} says nothing")
    return rows, by_id, bad


def text_files(root, *tops):
    for top in tops:
        for path in sorted((root / top).rglob("*")):
            if not path.is_file() or path.stat().st_size > TEXT_MAX or "__pycache__" in path.parts:
                continue
            content = path.read_bytes()
            if b"\0" not in content:
                yield path.relative_to(root).as_posix(), content.decode(errors="replace")


def next_test(lines, number):
    """The test that begins within a few lines of a comment, or ''."""
    for line in lines[number:number + 8]:
        match = TEST_NAME.search(line)
        if match:
            return match[0]
    return ""


def ids_of_tag(rest):
    """What stands first behind the tag and looks like a requirement, known or not; words may follow."""
    match = IDS_OF_TAG.match(rest)
    return re.findall(r"[\w-]+", match[0]) if match else []


def tags_of(file, text):
    """Rows (ids, place, test) for each tag of a file; the ids are empty when the tag is unreadable."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = TAG.search(line)
        if match:
            yield ids_of_tag(match[1]), f"{file}:{number}", next_test(lines, number)


def tests_by_name(text, by_id):
    """Rows (id, test) for each test whose name begins with a requirement, known or not."""
    families = {name.partition("-")[0] for name in by_id}
    for test in sorted(set(TEST_NAME.findall(text))):
        match = ID_IN_TEST_NAME.match(test)
        if not match or match[1].upper() not in families:
            continue
        name = f"{match[1].upper()}-{match[2] if match[2][0].isdigit() else match[2].upper()}"
        if match[2][0].isdigit() or name in by_id:  # test_sc_x may be just a name, test_sc_99 is meant as a tag
            yield name, test


def add(found, item):
    if item not in found:
        found.append(item)


def is_these_tools(file):
    return file.startswith("test/tools/")


def join(root, by_id):
    """Puts code and tests into the requirements; returns complaints about tags."""
    bad = []
    for file, text in text_files(root, "src"):
        for ids, place, _ in tags_of(file, text):
            bad += unknown(ids, place, by_id)
            for name in ids:
                if name in by_id:
                    add(by_id[name].code, file)
    for file, text in text_files(root, "test", "sim"):
        if is_these_tools(file):  # they plant tags to see them found
            continue
        for ids, place, test in tags_of(file, text):
            bad += unknown(ids, place, by_id)
            for name in ids:
                if name in by_id:
                    add(by_id[name].tests, f"{file} {test}".strip())
        for name, test in tests_by_name(text, by_id):
            bad += unknown([name], f"{file}: {test}", by_id)
            if name in by_id:
                add(by_id[name].tests, f"{file} {test}")
    return bad


def unknown(ids, place, by_id):
    if not ids:
        return [f"{place}: a tag without a requirement; wanted: @req SC-1"]
    return [f"{place}: {name} is no requirement of spec/" for name in ids if name not in by_id]


def counts(rows):
    n = {state: sum(row.state == state for row in rows) for state in ("tested", "excepted", "no test", "left out")}
    return (f"{len(rows)} requirements: {n['tested']} tested, {n['excepted']} excepted,"
            f" {n['no test']} without a test, {n['left out']} left out with a reason")


def print_table(rows):
    for row in rows:
        print(f"{row.name:<12} {row.state:<9} {row.clause}")
        if row.scope == "elsewhere":
            print(f"{'':13}{row.reason}")
        if row.exception:
            print(f"{'':13}exception: {row.exception}")
        for kind, places in (("code", row.code), ("test", row.tests)):
            for place in places:
                print(f"{'':13}{kind}: {place}")
    print(counts(rows))


def cell(text):
    return text.replace("|", "\\|")


def file_names(places):
    """Paths as code, the names of the tests behind them, one path named once."""
    by_file = {}
    for place in places:
        file, _, test = place.partition(" ")
        by_file.setdefault(file, []).append(test)
    return "<br>".join(f"`{file}` " + ", ".join(t for t in tests if t) for file, tests in by_file.items()).strip()


def requirements_page(rows):
    out = ["# Requirements", "", "Written by `tools/trace.py --markdown` from `spec/`, the code and the tests; not by hand.", "",
           counts(rows) + ".", "", "| Requirement | Where it is asked for | What | Code | Tests |", "|---|---|---|---|---|"]
    for row in rows:
        if row.scope != "elsewhere":
            proof = file_names(row.tests) or "**none**"
            if row.exception:
                proof += f" exception: {cell(row.exception)}"
            out.append(f"| {row.name} | {cell(row.clause)} | {cell(row.text)} | {file_names(row.code)} | {proof} |")
    out += ["", "## Left out", "", "| Requirement | Where it is asked for | What | Why not here |", "|---|---|---|---|"]
    out += [f"| {row.name} | {cell(row.clause)} | {cell(row.text)} | {cell(row.reason)} |"
            for row in rows if row.scope == "elsewhere"]
    return "\n".join(out) + "\n"


def clause_order(clause):
    """TS before RFC, then by the numbers, so that 5.4.10 comes after 5.4.9."""
    kind = clause.split()[0]
    return (("TS", "OMA", "CPM", "IM", "RFC").index(kind), [int(n) for n in re.findall(r"\d+", clause)], clause)


def clauses_page(root):
    rows, silent = [], []
    for path in sorted((root / "src/roles").rglob("*.c")):
        file = path.relative_to(root).as_posix()
        first = path.read_text(errors="replace").partition("\n")[0]
        match = CLAUSE.match(first)
        if match:
            rows.append((match[1].rstrip(":,"), match[2].rstrip(" ,"), file))
        else:
            silent.append(file)
    out = ["# Clauses and their files", "", "Written by `tools/trace.py --clauses` from line 1 of the procedures; not by hand.",
           "", "| Clause | Title | File |", "|---|---|---|"]
    out += [f"| {cell(clause)} | {cell(title)} | [`{file}`](../{file}) |"
            for clause, title, file in sorted(rows, key=lambda row: (clause_order(row[0]), row[2]))]
    if silent:
        out += ["", "Without a clause of their own: " + ", ".join(f"`{file}`" for file in silent) + "."]
    return "\n".join(out) + "\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"wrote {path.name}")


def is_stale(path, text):
    return path.exists() and path.read_text() != text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--clauses", action="store_true")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    args = parser.parse_args()
    rows, by_id, bad = read_requirements(args.root)
    if not rows:
        bad.append("spec/: no requirement found")
    bad += join(args.root, by_id)
    if args.check:
        bad += [f"{row.place}: {row.name} ({row.clause}) has no test and no exception" for row in rows if row.state == "no test"]
        bad += [f"docs/{page}: not what {option} writes now" for page, option, text in
                (("requirements.md", "--markdown", requirements_page(rows)), ("clauses.md", "--clauses", clauses_page(args.root)))
                if is_stale(args.root / "docs" / page, text)]
        print(counts(rows))
    if args.markdown:
        write(args.root / "docs/requirements.md", requirements_page(rows))
    if args.clauses:
        write(args.root / "docs/clauses.md", clauses_page(args.root))
    if not (args.check or args.markdown or args.clauses):
        print_table(rows)
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
