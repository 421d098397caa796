#!/usr/bin/env python3
"""Builds and runs every test; what `make test` calls.

    tools/run_tests.py [--only PATTERN] [--no-build]

1. builds with gcc as released and with clang, warnings being errors, and with the sanitizers: each build is a test;
2. runs the C tests under the sanitizers, several at a time, and the Python tests against the release build, one by one;
3. checks the layers, the requirements and the length of functions.

Every test program prints TAP. A program that crashes, hangs, prints no plan, keeps less than its plan or leaves a process
behind has failed, whatever it printed. The failures and their output stand at the end; the last line is
`N passed, N failed`. All results are in build/junit.xml as well.

--only PATTERN runs only what has the pattern (a regular expression) in its name, e.g. --only base_ or --only layers;
--no-build takes the programs as they are.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
CORES = len(os.sched_getaffinity(0))
C_TEST_SECONDS = 120
PYTHON_TEST_SECONDS = 240
LEFT_BEHIND_SECONDS = 2
OUTPUT_MAX = 20000

# Build folder, compiler, options. Only the sanitizer build has the C tests: compiling them thrice finds nothing more.
BUILDS = [
    ("release", "gcc", ["-DADIEU_TESTS=OFF"]),
    ("clang", "clang", ["-DADIEU_TESTS=OFF"]),
    ("asan", "gcc", ["-DADIEU_TESTS=ON", "-DADIEU_SANITIZE=address"]),
]
CHECKS = [
    ("layers", ["tools/check_layers.py"]),
    ("requirements", ["tools/trace.py", "--check"]),
    ("longest functions", ["tools/longest.py", "--check"]),
]

TAP_RESULT = re.compile(r"^(ok|not ok)\b(?: +(\d+))?(?: +-)? *(.*)$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)")
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass
class Result:
    name: str
    passed: bool
    seconds: float = 0.0
    output: str = ""
    skipped: bool = False


def environment():
    env = dict(os.environ)
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # those of the make that called us
        env.pop(name, None)
    env.update(CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1",
               ADIEU_BUILD=str(BUILD / "release"), ADIEU_BUILD_ASAN=str(BUILD / "asan"))
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


# --- running one program -------------------------------------------------------------------------------------------

def processes_of_group(group):
    """Processes of the group that still run; a zombie runs no more."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name, _, rest = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue
        state, _, pgrp = rest.split()[:3]
        if int(pgrp) == group and state not in "ZX":
            found.append(name.partition("(")[2])
    return found


def kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_group(group):
    """Names of what the program left running; it is ended. A process on its way out gets a moment."""
    deadline = time.monotonic() + LEFT_BEHIND_SECONDS
    while (left := processes_of_group(group)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left:
        kill_group(group)
        while processes_of_group(group):
            time.sleep(0.02)
    return left


def run_program(command, seconds, env):
    """(exit status or None when it hung, output, names of processes left behind, seconds it took)"""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:  # a pipe would stay open as long as anything the program started
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
            kill_group(process.pid)
            process.wait()
        left = end_group(process.pid)
        out.seek(0)
        return status, out.read().decode(errors="replace"), left, time.monotonic() - begin


def ending(status, seconds):
    if status is None:
        return f"did not end within {seconds} s"
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}"


# --- reading TAP ---------------------------------------------------------------------------------------------------

def read_tap(program, output):
    """(results, tests planned); the lines around a result that is no TAP belong to its output."""
    results, planned, lines = [], 0, []
    for line in output.splitlines():
        plan, result = TAP_PLAN.match(line), TAP_RESULT.match(line)
        if plan:
            planned += int(plan[1])
        elif result:
            title, _, skip = result[3].partition("# SKIP")
            name = (title or skip).strip() or f"test {result[2]}"
            results.append(Result(f"{program}: {name}", result[1] == "ok", output="\n".join(lines),
                                  skipped="# SKIP" in result[3]))
            lines = []
        elif line.startswith("#") and results and not results[-1].passed:
            results[-1].output += "\n" + line
        else:
            lines.append(line)
    return results, planned


def judge(program, status, output, left, seconds, seconds_max):
    results, planned = read_tap(program, output)
    failed = sum(not r.passed for r in results)
    wrong = []
    if not results:
        wrong.append("no test result in its output")
    elif planned != len(results):
        wrong.append(f"{planned} tests planned, {len(results)} reported")
    if status != 0 and (status is None or status < 0 or failed == 0 or "Sanitizer" in output):
        wrong.append(ending(status, seconds_max))
    if left:
        wrong.append("left running: " + ", ".join(left))
    if wrong:
        results.append(Result(f"{program}: whole program", False, output="; ".join(wrong) + "\n" + output))
    for result in results:
        result.seconds = seconds / len(results)
    return results


def run_tests_of(program, command, seconds_max, env):
    status, output, left, seconds = run_program(command, seconds_max, env)
    results = judge(program, status, output, left, seconds, seconds_max)
    report(program, results, seconds)
    return results


def report(program, results, seconds):
    failed = sum(not r.passed for r in results)
    verdict = f"{failed} FAILED" if failed else "ok"
    print(f"{program:<44} {len(results):>4} tests {seconds:>7.2f} s  {verdict}", flush=True)


# --- the steps -----------------------------------------------------------------------------------------------------

def run_step(name, commands, env):
    """One test out of one or more commands that must all succeed."""
    begin, output, passed = time.monotonic(), "", True
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        output += done.stdout
        if done.returncode:
            passed = False
            break
    seconds = time.monotonic() - begin
    result = Result(name, passed, seconds, output)
    report(name, [result], seconds)
    return result


def configure(folder, compiler, options):
    return ["cmake", "-S", ".", "-B", f"build/{folder}", f"-DCMAKE_C_COMPILER={compiler}", *options]


def build(folder, compiler, options, env, targets=()):
    command = ["cmake", "--build", f"build/{folder}", f"-j{CORES}"]
    if targets:
        command += ["--target", *targets]
    return run_step(f"build {folder} ({compiler})", [configure(folder, compiler, options), command + ["--", "-k"]], env)


def c_test_sources():
    """{name of the program: its source}, as CMakeLists.txt names them."""
    return {f"{path.parent.name}_{path.stem}": path for path in sorted((ROOT / "test").rglob("*_test.c"))}


def targets_that_build(targets, env):
    """After a failed build: which of the test programs can be used all the same. Old ones must not be run."""
    good = []
    for target in targets:
        command = ["cmake", "--build", "build/asan", "--target", target]
        if subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            good.append(target)
    return good


def run_builds(wanted, c_tests, needs_release, env):
    """(results, C tests that can be run, whether there is a release build)"""
    results, runnable, released = [], c_tests, True
    for folder, compiler, options in BUILDS:
        named = wanted(f"build {folder} ({compiler})")
        if not (named or (folder == "asan" and c_tests) or (folder == "release" and needs_release)):
            continue
        targets = () if named else c_tests if folder == "asan" else ()
        result = build(folder, compiler, options, env, targets)
        results.append(result)
        if not result.passed and folder == "asan":
            runnable = targets_that_build(c_tests, env)
        if not result.passed and folder == "release":
            released = False
    return results, runnable, released


def run_c_tests(names, env):
    def run(name):
        return run_tests_of(name, [str(BUILD / "asan/test" / name)], C_TEST_SECONDS, env)

    missing = [name for name in names if not (BUILD / "asan/test" / name).is_file()]
    with ThreadPoolExecutor(CORES) as pool:
        results = [r for rows in pool.map(run, [n for n in names if n not in missing]) for r in rows]
    return results + [Result(f"{name}: whole program", False, output="is not built") for name in missing]


def run_python_tests(paths, env):
    results = []
    for path in paths:
        name = path.relative_to(ROOT / "test").as_posix()
        results += run_tests_of(name, [sys.executable, str(path)], PYTHON_TEST_SECONDS, env)
    return results


def run_everything(only, no_build):
    def wanted(name):
        return only is None or only.search(name)

    env = environment()
    c_tests = [name for name in c_test_sources() if wanted(name)]
    python_tests = [p for p in sorted((ROOT / "test").rglob("*_test.py")) if wanted(p.relative_to(ROOT / "test").as_posix())]
    checks = [(name, command) for name, command in CHECKS if wanted(f"check {name}")]
    results, runnable, released = [], c_tests, True
    if not no_build:
        print("Building with gcc, with clang and with the sanitizers.", flush=True)
        needs_release = bool(python_tests) or any(name == "layers" for name, _ in checks)
        results, runnable, released = run_builds(wanted, c_tests, needs_release, env)
        results += [Result(f"{name}: whole program", False, output="does not build") for name in c_tests if name not in runnable]
    results += run_c_tests(runnable, env)
    if released:
        results += run_python_tests(python_tests, env)
    else:
        results += [Result(f"{p.relative_to(ROOT / 'test')}: whole program", False, output="not run: there is no release build")
                    for p in python_tests]
    return results + [run_step(f"check {name}", [[sys.executable, *command]], env) for name, command in checks]


# --- what it comes to ----------------------------------------------------------------------------------------------

def write_junit(results, path):
    suite = ElementTree.Element("testsuite", name="adieu", tests=str(len(results)),
                                failures=str(sum(not r.passed for r in results)),
                                skipped=str(sum(r.skipped for r in results)),
                                time=f"{sum(r.seconds for r in results):.3f}")
    for result in results:
        program, _, name = NO_XML.sub("?", result.name).partition(": ")
        case = ElementTree.SubElement(suite, "testcase", classname=program, name=name or program, time=f"{result.seconds:.3f}")
        if not result.passed:
            ElementTree.SubElement(case, "failure", message="failed").text = NO_XML.sub("?", result.output[-OUTPUT_MAX:])
        elif result.skipped:
            ElementTree.SubElement(case, "skipped")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def print_slowest(results):
    seconds = {}
    for result in results:
        program = result.name.partition(": ")[0]
        seconds[program] = seconds.get(program, 0) + result.seconds
    print("\nSlowest:")
    for program in sorted(seconds, key=seconds.get, reverse=True)[:10]:
        print(f"{seconds[program]:8.2f} s  {program}")


def print_failures(results):
    failures = [r for r in results if not r.passed]
    for result in failures:
        print(f"\n--- FAILED {result.name}")
        print(result.output[-OUTPUT_MAX:].strip())
    if failures:
        print("\nFailed:")
        for result in failures:
            print(f"  {result.name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=re.compile, metavar="PATTERN")
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    results = run_everything(args.only, args.no_build)
    write_junit(results, BUILD / "junit.xml")
    print_slowest(results)
    print_failures(results)
    skipped = [r for r in results if r.skipped and r.passed]
    for result in skipped:
        print(f"skipped, counted neither way: {result.name}")
    passed = sum(r.passed and not r.skipped for r in results)
    failed = sum(not r.passed for r in results)
    if passed + failed == 0:
        print("no test has this pattern in its name")
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
