#!/usr/bin/env python3
"""Keeps the order of the house: who may include whom, and what the core may call or write.

    tools/check_layers.py [--root DIR] [--objects DIR] [--includes-only]

Two checks over the tree below DIR (default: this repository):

1. includes: a folder of src/ includes itself and the layers below it, never upwards;
2. purity: the object files of the core call nothing outside a short list (so no system call, clock,
   thread, file or random source), allocate in src/base only, and keep no writable static.
   They are looked for in build/release/CMakeFiles/adieu_core.dir.

Exit status 0: in order; 1: a violation, each with its place and the reason; 2: wrong usage.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

# What each folder may include besides itself. A folder that is not listed is a violation: put it in its place here.
# `charging` looks at messages and never meets a role; `io` moves bytes and frames them, without the state of SIP.
CORE_ORDER = ["base", "sip", "transaction", "dialog", "session"]
MAY_INCLUDE = {folder: set(CORE_ORDER[:i]) for i, folder in enumerate(CORE_ORDER)}
MAY_INCLUDE["charging"] = set(CORE_ORDER)
MAY_INCLUDE["roles"] = set(CORE_ORDER)
MAY_INCLUDE["node"] = set(CORE_ORDER) | {"charging", "roles", "roles/*"}
MAY_INCLUDE["io"] = {"base", "sip"}
MAY_INCLUDE["adapters"] = MAY_INCLUDE["node"] | {"node", "io"}
MAY_INCLUDE["admin"] = MAY_INCLUDE["node"] | {"node", "io"}
MAY_INCLUDE["daemon"] = MAY_INCLUDE["node"] | {"node", "io", "adapters", "admin"}
MAY_INCLUDE["cli"] = {"base"}
MAY_INCLUDE["sim"] = MAY_INCLUDE["node"] | {"node"}
# A role uses the common words in src/roles/ and what is below; never another role.
ONE_ROLE_MAY_INCLUDE = set(CORE_ORDER) | {"roles"}

CORE_FOLDERS = set(CORE_ORDER) | {"charging", "roles", "node"}

# What the core may call. Nothing here asks the system for anything or keeps state of its own.
PURE_CALLS = re.compile(r"""(
      mem(cpy|move|set|cmp|chr|rchr|mem|pcpy) | bcmp
    | str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|str|spn|cspn|pbrk|cpy|ncpy)
    | snprintf | vsnprintf | qsort | bsearch | inet_pton | inet_ntop
    | __(memcpy|memmove|memset|mempcpy|strcpy|strncpy|snprintf|vsnprintf)_chk   # the fortified forms
    | __assert_fail | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_
    | __(u?div|u?mod|popcount|clz|ctz|ffs|mul)[dt]i[234]                        # arithmetic of the compiler
    )""", re.VERBOSE)
# The regular expressions of src/base/pattern.c (docs/adr/0019). Compiling them allocates, and asks the system for memory that
# may be executed: that happens when the configuration is read. Matching does neither.
PATTERN_CALLS = re.compile(r"""pcre2_(
      compile | code_free | jit_compile | get_error_message
    | general_context_create | match_data_create | match | jit_match | dfa_match
    )_8""", re.VERBOSE)
# The digests of src/base/digest.c (docs/adr/0021): pure functions over memory of the caller.
DIGEST_CALLS = re.compile(r"""nettle_(
      (md5|sha256)_(init|update|digest) | aes128_(set_encrypt_key|encrypt) | memeql_sec
    | base64_(encode_raw | decode_(init|update|final))
    )""", re.VERBOSE)
ALLOCATION = {"malloc", "calloc", "realloc", "free", "aligned_alloc"}

QUOTED_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def layer_of(path):
    """'sip' for src/sip/x.c, 'roles/scscf' for src/roles/scscf/x.c, 'sim' for sim/x.c; None elsewhere."""
    parts = path.parts
    if parts[0] == "sim":
        return "sim"
    if parts[0] != "src" or len(parts) < 3:
        return None
    if parts[1] == "roles" and len(parts) > 3:
        return "roles/" + parts[2]
    return parts[1]


def may_include(layer, other):
    if layer == other:
        return True
    if layer.startswith("roles/"):
        return other in ONE_ROLE_MAY_INCLUDE
    allowed = MAY_INCLUDE[layer]
    return other in allowed or (other.startswith("roles/") and "roles/*" in allowed)


def find_included(root, file, name):
    """The included file, relative to the root; None when it is not one of ours."""
    for folder in (file.parent, Path("src"), Path("sim")):
        found = (root / folder / name).resolve()
        if found.is_file() and found.is_relative_to(root):
            return found.relative_to(root)
    # A header that does not exist (any more) still shows by its folder where the author wanted to go.
    return Path("src") / name if (root / "src" / Path(name).parts[0]).is_dir() else None


def check_includes_of(root, file, layer):
    """(number of includes looked at, violations)"""
    n, bad = 0, []
    for number, line in enumerate((root / file).read_text(errors="replace").splitlines(), 1):
        match = QUOTED_INCLUDE.match(line)
        target = match and find_included(root, file, match[1])
        other = target and layer_of(target)
        if not other:
            continue
        n += 1
        if not may_include(layer, other):
            bad.append(f'{file}:{number}: "{match[1]}": {layer} must not include {other}'
                       f" ({layer} may include: {list_of_allowed(layer)})")
    return n, bad


def list_of_allowed(layer):
    allowed = ONE_ROLE_MAY_INCLUDE if layer.startswith("roles/") else MAY_INCLUDE[layer]
    return ", ".join([layer] + sorted(allowed - {layer}))


def check_includes(root):
    files, includes, bad = 0, 0, []
    for top in ("src", "sim"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".c", ".h"):
                continue
            file = path.relative_to(root)
            layer = layer_of(file)
            files += 1
            if layer is None or (layer not in MAY_INCLUDE and not layer.startswith("roles/")):
                bad.append(f"{file}: folder without a place in the order of layers;"
                           " give it one in MAY_INCLUDE of tools/check_layers.py")
                continue
            n, violations = check_includes_of(root, file, layer)
            includes += n
            bad += violations
    return files, includes, bad


def symbols_of(object_file):
    """Rows (name, class, size, section) of nm; the section tells constant tables with relocations from variables."""
    out = subprocess.run(["nm", "--format=sysv", str(object_file)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        field = [f.strip() for f in line.split("|")]
        if len(field) == 7 and field[0] != "Name":
            yield field[0], field[2], int(field[4] or "0", 16), field[6]


def is_writable(kind, size, section):
    return (kind in "bBdDC" and kind != "" and size > 0 and not section.startswith(".data.rel.ro"))


def core_objects(folder):
    """{source path: object file}; an object whose source is gone is a left-over and is passed over."""
    found = {}
    for path in sorted(folder.rglob("*.o")):
        source = Path(str(path.relative_to(folder))[:-2])
        if source.parts[:1] == ("src",) and len(source.parts) > 2 and source.parts[1] in CORE_FOLDERS:
            found[source] = path
    return found


def check_purity(root, folder):
    objects = {s: o for s, o in core_objects(folder).items() if (root / s).is_file()}
    if not objects:
        return 0, [f"{folder}: no object file of the core; build it first (make all)"]
    symbols = {source: list(symbols_of(path)) for source, path in objects.items()}
    own = {name for rows in symbols.values() for name, kind, _, _ in rows if kind not in "UwvV"}
    bad = []
    for source, rows in symbols.items():
        for name, kind, size, section in rows:
            if is_writable(kind, size, section):
                bad.append(f"{source}: writable static '{name}' ({size} bytes in {section}):"
                           " the core keeps no state outside its node")
            if kind not in ("U", "w") or name in own or PURE_CALLS.fullmatch(name):
                continue
            if PATTERN_CALLS.fullmatch(name):
                if source.parts[1] != "base":
                    bad.append(f"{source}: calls {name}(): only src/base uses PCRE2; see base/pattern.h")
            elif DIGEST_CALLS.fullmatch(name):
                if source.parts[1] != "base":
                    bad.append(f"{source}: calls {name}(): only src/base uses nettle; see base/digest.h")
            elif name in ALLOCATION:
                if source.parts[1] != "base":
                    bad.append(f"{source}: calls {name}(): only src/base allocates; take from a pool or a store")
            else:
                bad.append(f"{source}: calls {name}(), which is not on the list of what the core may call"
                           " (PURE_CALLS of tools/check_layers.py)")
    return len(objects), bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--objects", type=Path, help="default: build/release/CMakeFiles/adieu_core.dir below the root")
    parser.add_argument("--includes-only", action="store_true", help="do not look at object files")
    args = parser.parse_args()
    root = args.root.resolve()
    files, includes, bad = check_includes(root)
    objects = 0
    if not args.includes_only:
        objects, impure = check_purity(root, args.objects or root / "build/release/CMakeFiles/adieu_core.dir")
        bad += impure
    for line in bad:
        print(line)
    print(f"layers: {files} files, {includes} includes, {objects} objects of the core: "
          + (f"{len(bad)} violations" if bad else "in order"))
    return 1 if bad or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
