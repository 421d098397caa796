#!/usr/bin/env python3
"""A violation planted in a small tree must be found, and a clean tree must pass."""
import subprocess
import sys
from pathlib import Path

import tap

TOOL = Path(__file__).parents[2] / "tools/check_layers.py"

CLEAN = {
    "src/base/text.h": "struct text;\n",
    "src/base/pool.c": '#include "base/text.h"\n#include <stdlib.h>\nvoid *pool_take(void);\nvoid *pool_take(void) { return malloc(4); }\n',
    "src/sip/message.h": '#include "base/text.h"\n',
    "src/sip/message.c": '#include "message.h"\n#include <string.h>\n'
                         'static const char *const names[] = {"a", "b"};\n'
                         'unsigned long message_length(const char *s, unsigned i);\n'
                         'unsigned long message_length(const char *s, unsigned i) { return strlen(s) + strlen(names[i]); }\n',
    "src/session/session.h": '#include "sip/message.h"\n',
    "src/roles/words.h": '#include "session/session.h"\n',
    "src/roles/scscf/release.h": '#include "roles/words.h"\n',
    "src/node/node.h": '#include "roles/scscf/release.h"\n#include "charging/facts.h"\n',
    "src/charging/facts.h": '#include "sip/message.h"\n',
    "src/io/udp.h": '#include "base/text.h"\n#include "sip/message.h"\n',
    "src/daemon/main.h": '#include "node/node.h"\n#include "io/udp.h"\n',
    "src/cli/main.h": '#include "base/text.h"\n',
    "sim/world.h": '#include "node/node.h"\n',
    "sim/clock.h": '#include "world.h"\n',
}


def check(root, *options):
    return subprocess.run([sys.executable, TOOL, "--root", root, *options], capture_output=True, text=True)


def plant(folder, files):
    tap.write(folder, CLEAN | files)
    return check(folder, "--includes-only")


def expect_violation(folder, files, *words):
    result = plant(folder, files)
    assert result.returncode == 1, result.stdout
    for word in words:
        assert word in result.stdout, (word, result.stdout)


def compile_core(folder, files, *flags):
    """Compiles the sources of the tree as the release build would, and checks the objects."""
    tap.write(folder, CLEAN | files)
    for source in sorted(folder.glob("src/**/*.c")):
        target = folder / "build/release/CMakeFiles/adieu_core.dir" / (str(source.relative_to(folder)) + ".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-fstack-protector-strong", *flags, "-I", folder / "src", "-c", source, "-o", target],
                       check=True)
    return check(folder)


def expect_impure(folder, source, code, *words):
    result = compile_core(folder, {source: code})
    assert result.returncode == 1, result.stdout
    for word in (source, *words):
        assert word in result.stdout, (word, result.stdout)


def test_clean_tree_passes(folder):
    result = plant(folder, {})
    assert result.returncode == 0, result.stdout
    assert "14 files" in result.stdout and "in order" in result.stdout, result.stdout


def test_include_upwards_is_found(folder):
    expect_violation(folder, {"src/sip/uri.c": '\n#include "node/node.h"\n'}, "src/sip/uri.c:2", "sip must not include node")


def test_include_upwards_of_a_missing_header_is_found(folder):
    expect_violation(folder, {"src/sip/uri.c": '#include "session/not_yet.h"\n'}, "sip must not include session")


def test_relative_path_does_not_hide_the_layer(folder):
    expect_violation(folder, {"src/sip/uri.c": '#include "../session/session.h"\n'}, "sip must not include session")


def test_one_role_never_meets_another(folder):
    expect_violation(folder, {"src/roles/cpm/bye.c": '#include "roles/scscf/release.h"\n'},
                     "roles/cpm must not include roles/scscf")


def test_common_words_never_meet_a_role(folder):
    expect_violation(folder, {"src/roles/words.c": '#include "roles/scscf/release.h"\n'},
                     "roles must not include roles/scscf")


def test_charging_and_roles_never_meet(folder):
    expect_violation(folder, {"src/charging/ledger.c": '#include "roles/words.h"\n'}, "charging must not include roles")
    expect_violation(folder, {"src/roles/scscf/fork.c": '#include "charging/facts.h"\n'},
                     "roles/scscf must not include charging")


def test_io_knows_no_state_of_sip(folder):
    expect_violation(folder, {"src/transaction/table.h": "", "src/io/tcp.c": '#include "transaction/table.h"\n'},
                     "io must not include transaction")
    expect_violation(folder, {"src/io/udp.c": '#include "node/node.h"\n'}, "io must not include node")


def test_command_includes_base_only(folder):
    expect_violation(folder, {"src/cli/show.c": '#include "sip/message.h"\n'}, "cli must not include sip")


def test_sim_does_not_reach_the_daemon(folder):
    expect_violation(folder, {"sim/peer.c": '#include "io/udp.h"\n'}, "sim must not include io")


def test_folder_without_a_place_is_found(folder):
    expect_violation(folder, {"src/misc/odd.c": "\n"}, "src/misc/odd.c", "without a place")
    expect_violation(folder, {"src/odd.c": "\n"}, "src/odd.c", "without a place")


def test_clean_objects_pass(folder):
    for flags in ([], ["-D_FORTIFY_SOURCE=2"], ["-fno-pie"]):
        result = compile_core(folder, {}, *flags)
        assert result.returncode == 0, result.stdout
        assert "2 objects" in result.stdout, result.stdout


def test_missing_objects_are_no_success(folder):
    tap.write(folder, CLEAN)
    result = check(folder)
    assert result.returncode == 1 and "build it first" in result.stdout, result.stdout


def test_clock_is_found(folder):
    expect_impure(folder, "src/session/now.c", "#include <time.h>\nlong now(void);\nlong now(void) { return time(0); }\n",
                  "calls time()")


def test_allocation_outside_base_is_found(folder):
    expect_impure(folder, "src/sip/copy.c", "#include <stdlib.h>\nvoid *copy(void);\nvoid *copy(void) { return malloc(9); }\n",
                  "calls malloc()", "only src/base allocates")


MATCH = "int pcre2_match_8(void);\nint match(void);\nint match(void) { return pcre2_match_8(); }\n"


def test_patterns_are_for_base(folder):
    result = compile_core(folder, {"src/base/pattern.c": MATCH})
    assert result.returncode == 0, result.stdout
    (folder / "src/base/pattern.c").unlink()
    expect_impure(folder, "src/roles/match.c", MATCH, "calls pcre2_match_8()", "only src/base uses PCRE2")


def test_other_calls_of_pcre2_are_found(folder):
    expect_impure(folder, "src/base/pattern.c", MATCH.replace("match_8", "set_callout_8"), "calls pcre2_set_callout_8()")


def test_logging_is_found(folder):
    expect_impure(folder, "src/dialog/log.c", '#include <stdio.h>\nvoid say(void);\nvoid say(void) { puts("x"); }\n',
                  "calls puts()")


def test_writable_static_is_found(folder):
    expect_impure(folder, "src/sip/count.c", "static int n;\nint count(void);\nint count(void) { return ++n; }\n",
                  "writable static 'n'", "4 bytes in .bss")


def test_initialised_global_is_found(folder):
    expect_impure(folder, "src/node/mode.c", "int mode = 3;\n", "writable static 'mode'", ".data")


def test_static_inside_a_function_is_found(folder):
    expect_impure(folder, "src/node/once.c", "int once(void);\nint once(void) { static int done; return done++; }\n",
                  "writable static 'done")


def test_thread_local_is_found(folder):
    expect_impure(folder, "src/node/local.c", "_Thread_local int last = 1;\n", "writable static 'last'")


def test_call_between_core_files_is_fine(folder):
    result = compile_core(folder, {"src/node/use.c": "void *pool_take(void);\nvoid *use(void);\nvoid *use(void) { return pool_take(); }\n"})
    assert result.returncode == 0, result.stdout


def test_object_of_a_source_that_is_gone_is_passed_over(folder):
    compile_core(folder, {"src/sip/count.c": "int n;\n"})
    (folder / "src/sip/count.c").unlink()
    assert check(folder).returncode == 0


tap.run(globals())
