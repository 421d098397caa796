#!/usr/bin/env python3
"""Prints the ten longest functions of src/ and sim/.

    tools/longest.py [--check] [--root DIR] [-n COUNT]

With --check it fails when a function of more than 70 lines is not in tools/longest.allowed. The wish behind it is that
what was short does not grow unseen; a flat table or a flat switch that mirrors a table of a specification may be as
long as the table: give it a line there, with the reason:

    src/sip/example.c  example_function  a flat table of the header fields of RFC 3261 §20
"""
import argparse
import re
import sys
from pathlib import Path

LINES_MAX = 70

# What is not code: its characters are blanked, its line ends stay.
NOT_CODE = re.compile(r"""
      /\* .*? \*/ | //[^\n]*
    | " (?: \\. | [^"\\\n] )* " | ' (?: \\. | [^'\\\n] )* '
    | ^[ \t]*\# (?: \\\n | [^\n] )*
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)
SIGNATURE = re.compile(r"([A-Za-z_]\w*)\s*\((?:[^()]|\([^()]*\))*\)\s*\Z")


def blanked(match):
    return re.sub(r"[^\n]", " ", match[0])


def functions_of(text):
    """Rows (name, first line, number of lines), from the first line of the signature to the closing brace."""
    code = NOT_CODE.sub(blanked, text)
    depth, head = 0, 0
    for at, c in enumerate(code):
        if c == "{":
            if depth == 0:
                opening = code[head:at]
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                match = SIGNATURE.search(opening)
                if match:
                    first = head + len(opening) - len(opening.lstrip())
                    yield match[1], code.count("\n", 0, first) + 1, code.count("\n", first, at) + 1
                head = at + 1
        elif c == ";" and depth == 0:
            head = at + 1


def all_functions(root):
    rows = []
    for top in ("src", "sim"):
        for path in sorted((root / top).rglob("*.[ch]")):
            file = path.relative_to(root).as_posix()
            rows += [(lines, file, name, first) for name, first, lines in functions_of(path.read_text(errors="replace"))]
    return sorted(rows, key=lambda row: (-row[0], row[1:]))


def read_allowed(path):
    """{(file, function): reason} and complaints about lines that are none."""
    allowed, bad = {}, []
    if not path.is_file():
        return allowed, bad
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        field = line.split(None, 2)
        if len(field) < 3:
            bad.append(f"{path.name}:{number}: wanted: file, function, reason")
        else:
            allowed[field[0], field[1]] = field[2]
    return allowed, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("-n", type=int, default=10, metavar="COUNT")
    args = parser.parse_args()
    rows = all_functions(args.root)
    allowed, bad = read_allowed(args.root / "tools/longest.allowed")
    for lines, file, name, first in rows[:args.n]:
        print(f"{lines:5}  {file}:{first}  {name}")
    lengths = sorted(row[0] for row in rows)
    if rows:
        print(f"{len(rows)} functions, median {lengths[len(rows) // 2]}, nine in ten up to {lengths[len(rows) * 9 // 10]} lines")
    if not args.check:
        return 0
    for lines, file, name, first in rows:
        if lines > LINES_MAX and (file, name) not in allowed:
            bad.append(f"{file}:{first}: {name}() has {lines} lines, more than {LINES_MAX}: make two of it,"
                       " or say in tools/longest.allowed why it is better long")
    long_now = {(file, name) for lines, file, name, _ in rows if lines > LINES_MAX}
    for file, name in sorted(set(allowed) - long_now):
        print(f"note: {name} in {file} is not long (any more): its line in tools/longest.allowed can go")
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
