#!/usr/bin/env python3
"""Runs every fuzz_* target of a build for a while, two at a time, on its corpus; says what was found.

usage: run.py --build FOLDER [--seconds N] [--jobs N] [--only NAME]

One line per target: executions, coverage, new corpus entries, findings. Exit 1 when there is a finding (its
input is kept in FOLDER/findings and the command that repeats it is printed).
"""
import argparse
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def targets(build, only):
    names = sorted(n for n in os.listdir(build)
                   if n.startswith("fuzz_") and os.access(os.path.join(build, n), os.X_OK)
                   and os.path.isfile(os.path.join(build, n)))
    return [n for n in names if not only or n == only or n == "fuzz_" + only]


class Run:
    """One target at work."""

    def __init__(self, build, name, seconds):
        self.name = name
        self.short = name[len("fuzz_"):]
        self.corpus = os.path.join(HERE, "corpus", self.short)
        self.findings = os.path.join(build, "findings")
        os.makedirs(self.corpus, exist_ok=True)
        os.makedirs(self.findings, exist_ok=True)
        self.before = set(os.listdir(self.corpus))
        self.log_path = os.path.join(build, name + ".log")
        self.log = open(self.log_path, "wb")
        prefix = os.path.join(self.findings, self.short + "-")
        self.command = [os.path.join(build, name), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048",
                        "-print_final_stats=1", f"-artifact_prefix={prefix}"]
        dictionary = os.path.join(HERE, self.short + ".dict")
        if os.path.exists(dictionary):
            self.command.append("-dict=" + dictionary)
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.command + [self.corpus], stdout=self.log, stderr=subprocess.STDOUT)

    def finish(self):
        """The line of the report, and whether all was well."""
        self.log.close()
        with open(self.log_path, "r", errors="replace") as log:
            text = log.read()
        executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
        coverage = re.findall(r"cov: (\d+) ft: (\d+)", text)
        kept = re.findall(r"Test unit written to (\S+)", text)
        new = len(set(os.listdir(self.corpus)) - self.before)
        took = time.monotonic() - self.began
        well = self.process.returncode == 0 and not kept
        edges, features = coverage[-1] if coverage else ("?", "?")
        print(f"{self.name}: {executions[-1] if executions else '?'} executions in {took:.0f} s, "
              f"{edges} edges, {features} features, {new} new in the corpus, "
              f"{'no finding' if well else 'FINDING'}", flush=True)
        if not well:
            print("\n".join(text.splitlines()[-60:]))
            for path in kept:
                print(f"again: {self.command[0]} {path}")
            print(f"whole log: {self.log_path}", flush=True)
        return well


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    waiting = targets(build, options.only)
    if not waiting:
        print(f"no fuzz_* program in {build}", file=sys.stderr)
        return 2
    running, well = [], True
    try:
        while waiting or running:
            while waiting and len(running) < options.jobs:
                running.append(Run(build, waiting.pop(0), options.seconds))
            time.sleep(0.2)
            for run in [r for r in running if r.process.poll() is not None]:
                running.remove(run)
                well &= run.finish()
    finally:
        for run in running:
            run.process.kill()
            run.process.wait()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
