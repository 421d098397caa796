#!/usr/bin/env python3
"""Functions are counted as they stand in the file, and a long one needs its line in the list."""
import subprocess
import sys
from pathlib import Path

import tap

TOOL = Path(__file__).parents[2] / "tools/longest.py"


def run(root, *options):
    return subprocess.run([sys.executable, TOOL, "--root", root, *options], capture_output=True, text=True)


def function(name, lines):
    """A function with this many lines, from its signature to its brace."""
    return f"static int {name}(int a)\n{{\n" + "\ta++;\n" * (lines - 4) + "\treturn a;\n}\n"


def check(folder, code, allowed=""):
    tap.write(folder, {"src/sip/a.c": code, "tools/longest.allowed": allowed})
    return run(folder, "--check")


def test_seventy_lines_pass_and_one_more_fails(folder):
    result = check(folder, function("fits", 70))
    assert result.returncode == 0 and "70  src/sip/a.c:1  fits" in result.stdout, result.stdout
    result = check(folder, "int x;\n\n" + function("grown", 71))
    assert result.returncode == 1, result.stdout
    assert "src/sip/a.c:3: grown() has 71 lines" in result.stdout, result.stdout


def test_the_list_with_a_reason_allows(folder):
    for lines in (71, 90, 91, 500):
        assert check(folder, function("table", lines)).returncode == 1
        assert check(folder, function("table", lines), "src/sip/a.c table a flat table\n").returncode == 0


def test_the_reason_must_be_there(folder):
    result = check(folder, function("table", 80), "src/sip/a.c table\n")
    assert result.returncode == 1 and "wanted: file, function, reason" in result.stdout, result.stdout


def test_the_list_is_for_one_file(folder):
    assert check(folder, function("table", 80), "src/sip/b.c table a flat table\n").returncode == 1


def test_a_line_for_a_short_function_is_noted(folder):
    result = check(folder, function("table", 20), "src/sip/a.c table a flat table\n")
    assert result.returncode == 0 and "note: table" in result.stdout, result.stdout


def test_braces_in_strings_and_comments_do_not_count(folder):
    code = 'static int odd(const char *s)\n{\n\t/* { */ // {\n\tif (*s == \'{\' || s == "{\\"{")\n\t\treturn 1;\n\treturn 0;\n}\n'
    result = check(folder, code + function("next", 10))
    assert "    7  src/sip/a.c:1  odd" in result.stdout, result.stdout
    assert "   10  src/sip/a.c:8  next" in result.stdout, result.stdout


def test_tables_structs_and_macros_are_no_functions(folder):
    code = ("struct s {\n\tint a;\n};\nstatic const int table[] = {\n" + "\t1,\n" * 100 + "};\n"
            "#define LOOP(x) while (x) { \\\n\t}\n" + function("only", 9))
    result = check(folder, code)
    assert result.returncode == 0 and "1 functions" in result.stdout, result.stdout


def test_signature_over_several_lines_counts(folder):
    code = "/* why */\n__attribute__((noinline)) static void\nwide(int a,\n     void (*b)(int))\n{\n\tb(a);\n}\n"
    result = check(folder, code)
    assert "    6  src/sip/a.c:2  wide" in result.stdout, result.stdout


def test_prints_ten_longest_first(folder):
    tap.write(folder, {"src/a/a.c": "".join(function(f"f{n}", n) for n in range(5, 20)), "sim/b.c": function("longest", 40)})
    rows = run(folder).stdout.splitlines()
    assert len(rows) == 11 and rows[0].endswith("longest") and rows[9].endswith("f11"), rows


tap.run(globals())
