"""Runs the functions test_* of a Python test program and prints TAP, as the C tests do."""
import sys
import tempfile
import traceback
from pathlib import Path


def run(names):
    """`names`: the globals of the program. Every test gets a folder of its own."""
    tests = [(name, test) for name, test in names.items() if name.startswith("test_") and callable(test)]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Path(folder))
                print(f"ok {number} - {name}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {number} - {name}")
                for line in traceback.format_exc().splitlines():
                    print("# " + line, flush=True)
    sys.exit(1 if failed else 0)


def write(folder, files):
    """Writes {path: text} below the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
