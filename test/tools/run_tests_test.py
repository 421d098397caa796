#!/usr/bin/env python3
"""Whatever goes wrong in a test program is counted as a failure, and the last line says so."""
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import tap

TOOL = Path(__file__).parents[2] / "tools/run_tests.py"
spec = importlib.util.spec_from_file_location("run_tests", TOOL)
run_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run_tests)
run_tests.report = lambda *_: None

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(planted C)
add_compile_options(-Wall -Werror)
if(ADIEU_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
add_library(core STATIC src/core.c)
if(ADIEU_TESTS)
  add_executable(one_a_test test/one/a_test.c)
  add_executable(one_b_test test/one/b_test.c)
  foreach(t one_a_test one_b_test)
    set_target_properties(${t} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    target_link_libraries(${t} core)
  endforeach()
endif()
"""
GOOD = {
    "CMakeLists.txt": CMAKE,
    "src/core.c": "int core(void);\nint core(void) { return 3; }\n",
    "test/one/a_test.c": '#include <stdio.h>\nint main(void) { puts("1..2\\nok 1 - first\\nok 2 - second"); return 0; }\n',
    "test/one/b_test.c": '#include <stdio.h>\nint main(void) { puts("1..1\\nok 1 - third"); return 0; }\n',
    "test/two/peer_test.py": "import os\nassert os.path.isabs(os.environ['ADIEU_BUILD'])\nprint('1..1\\nok 1 - fourth')\n",
    "tools/check_layers.py": "", "tools/trace.py": "", "tools/longest.py": "",
}


def script(text, seconds=20):
    """The results of a test program that is this shell script, as {name: passed}."""
    results = run_tests.run_tests_of("p", ["sh", "-c", text], seconds, dict(os.environ))
    return {r.name: r.passed for r in results}, results


def whole_tree(folder, files, *options):
    tap.write(folder, GOOD | files)
    shutil.copy(TOOL, folder / "tools/run_tests.py")
    done = subprocess.run([sys.executable, folder / "tools/run_tests.py", *options], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stdout.splitlines()[-1]


def test_results_are_counted_by_name(_):
    names, _ = script("echo 1..3; echo ok 1 - a; echo not ok 2 - b; echo ok 3 - c; exit 1")
    assert names == {"p: a": True, "p: b": False, "p: c": True}, names


def test_two_groups_in_one_program(_):
    names, _ = script("echo 1..1; echo ok 1 - a; echo 1..1; echo ok 1 - b")
    assert names == {"p: a": True, "p: b": True}, names


def test_no_result_at_all_is_a_failure(_):
    for text in ("exit 0", "echo hello", "echo 1..0"):
        names, _ = script(text)
        assert names == {"p: whole program": False}, (text, names)


def test_crash_is_a_failure_though_all_passed_before(_):
    names, results = script("echo 1..2; echo ok 1 - a; kill -SEGV $$")
    assert names == {"p: a": True, "p: whole program": False}, names
    assert "SIGSEGV" in results[-1].output and "2 tests planned, 1 reported" in results[-1].output, results[-1].output


def test_exit_status_without_a_failed_test_is_a_failure(_):
    names, results = script("echo 1..1; echo ok 1 - a; exit 7")
    assert not names["p: whole program"] and "exit status 7" in results[-1].output, results


def test_stopping_early_is_a_failure(_):
    names, _ = script("echo 1..5; echo ok 1 - a; exit 0")
    assert not names["p: whole program"], names


def test_result_without_a_plan_is_a_failure(_):
    names, _ = script("echo ok 1 - a")
    assert not names["p: whole program"], names


def test_hanging_is_a_failure_and_ended(_):
    names, results = script("echo 1..1; echo ok 1 - a; exec sleep 1000", seconds=0.3)
    assert not names["p: whole program"] and "did not end" in results[-1].output, results


def test_process_left_behind_is_a_failure_and_ended(_):
    run_tests.LEFT_BEHIND_SECONDS = 0.2
    names, results = script("sleep 1000 & echo $! >&2; echo 1..1; echo ok 1 - a")
    assert not names["p: whole program"] and "left running: sleep" in results[-1].output, results
    pid = next(line for line in results[-1].output.splitlines() + results[0].output.splitlines() if line.isdigit())
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def test_skipped_is_neither(_):
    _, results = script("echo 1..2; echo 'ok 1 # SKIP a'; echo 'ok 2 - b # SKIP no peer'")
    assert [(r.name, r.skipped) for r in results] == [("p: a", True), ("p: b", True)], results


def test_output_of_a_failure_is_kept(_):
    _, results = script("echo 1..2; echo ok 1 - a; echo why; echo not ok 2 - b; echo '# because'; exit 1")
    assert results[1].output == "why\n# because", results[1].output
    assert results[0].output == "", results[0].output


def test_whole_run_that_passes(folder):
    status, output, last = whole_tree(folder, {})
    assert (status, last) == (0, "10 passed, 0 failed"), output
    for name in ("build release (gcc)", "build clang (clang)", "build asan (gcc)", "one_a_test", "two/peer_test.py", "check layers"):
        assert name in output, (name, output)
    suite = ElementTree.parse(folder / "build/junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("10", "0"), suite.attrib
    status, output, last = whole_tree(folder, {}, "--no-build")
    assert (status, last) == (0, "7 passed, 0 failed"), output
    status, output, last = whole_tree(folder, {}, "--only", "one_a")
    assert (status, last) == (0, "3 passed, 0 failed"), output
    status, output, last = whole_tree(folder, {}, "--only", "no such name")
    assert (status, last) == (1, "0 passed, 0 failed"), output


def test_whole_run_with_failures(folder):
    status, output, last = whole_tree(folder, {
        "src/core.c": "int core(void);\nint core(void) { int n = __INT_MAX__; volatile int one = 1; return n + one; }\n",
        "test/one/a_test.c": '#include <stdio.h>\nint core(void);\nint main(void) { puts("1..1\\nok 1 - overflow"); fflush(stdout); core(); return 0; }\n',
        "test/one/b_test.c": "int main(void) { return not_declared; }\n",
        "test/two/peer_test.py": "print('1..1\\nnot ok 1 - fourth \\x07')\n",
        "tools/trace.py": "print('SC-1 has no test')\nraise SystemExit(1)\n",
    })
    assert status == 1, output
    # builds of gcc and clang, one result of a_test, two checks; against: asan build, a, b, peer, trace
    assert last == "5 passed, 5 failed", output
    tail = output[output.index("\nFailed:"):]
    for name in ("build asan (gcc)", "one_a_test: whole program", "one_b_test: whole program", "two/peer_test.py: fourth",
                 "check requirements"):
        assert name in tail, (name, tail)
    assert "signed integer overflow" in output and "SC-1 has no test" in output and "not_declared" in output, output
    assert ElementTree.parse(folder / "build/junit.xml").getroot().get("failures") == "5"


def test_warning_fails_the_build(folder):
    status, output, last = whole_tree(folder, {"src/core.c": "int core(void);\nint core(void) { int unused; return 1; }\n"}, "--only", "build|peer")
    assert status == 1 and last == "0 passed, 4 failed", output
    assert "not run: there is no release build" in output, output


tap.run(globals())
