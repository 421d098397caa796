/* The story runner itself: what is wrong in a story is said with its line, and an expectation that does not hold fails it. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char report_bytes[65536];

/* Runs a story of these lines in a folder of its own; its report ends with NUL. */
static bool run(const char *lines, bool update, const char *folder)
{
	struct text_writer report = text_writer_on(report_bytes, sizeof(report_bytes) - 1);
	char path[256];
	FILE *file;
	bool well;

	snprintf(path, sizeof(path), "%s/a.story", folder);
	file = fopen(path, "wb");
	assert_non_null(file);
	fputs(lines, file);
	fclose(file);
	well = story_run(path, update, &report);
	report_bytes[report.len] = 0;
	return well;
}

static char folder[] = "/tmp/adieu-story-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"a.story", "a.ladder"};
	char path[256];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

#define CAST                                                                                       \
	"node domain=ims.example\n"                                                                \
	"ue alice at 127.0.0.1:6001 registered\n"                                                  \
	"ue bob at 127.0.0.1:6002 registered\n"                                                    \
	"at 0 alice invites sip:bob@ims.example\n"                                                 \
	"at 1000 alice hangs up\n"

static void fails_with(const char *lines, const char *words)
{
	assert_false(run(lines, true, folder));
	if (!strstr(report_bytes, words))
		fail_msg("\"%s\" is not in:\n%s", words, report_bytes);
}

static void test_a_story_without_fault_passes_and_has_its_ladder(void **state)
{
	(void)state;
	assert_true(run(CAST "expect nothing left\n", true, folder));
	assert_true(run(CAST "expect nothing left\n", false, folder));
	assert_string_equal(report_bytes, "");
}

static void test_a_different_ladder_is_a_fault(void **state)
{
	(void)state;
	assert_true(run(CAST, true, folder));
	assert_false(run(CAST "at 500 alice sends INFO\n", false, folder));
	assert_non_null(strstr(report_bytes, "the ladder differs from line"));
	assert_non_null(strstr(report_bytes, "INFO"));
}

static void test_words_that_are_not_understood_are_said_with_their_line(void **state)
{
	(void)state;
	fails_with(CAST "bob sleeps\n", "line 6: not understood: \"bob\"");
	fails_with(CAST "ue carol at 127.0.0.1:6003 registred\n",
		   "line 6: not understood: \"registred\"");
	fails_with(CAST "at soon alice hangs up\n", "line 6: a number was expected");
	fails_with(CAST "at 10 alice jumps\n", "line 6: not understood");
	fails_with("node colour=red\n", "line 1: not a setting");
	fails_with(CAST "expect wonders\n", "line 6: not understood: expect wonders");
	fails_with(CAST "expect at bob 1 BYE withot Reason\n",
		   "line 6: not understood: \"withot\"");
}

static void test_expectations_that_do_not_hold_fail(void **state)
{
	(void)state;
	fails_with(CAST "expect at bob 2 BYE\n", "line 6: there were 1");
	fails_with(CAST "expect at bob no BYE\n", "line 6: there were 1");
	fails_with(CAST "expect at bob 1 BYE with cseq is 3\n", "line 6: there were 0");
	fails_with(CAST "expect at bob 1 BYE without Via\n", "line 6: there were 0");
	fails_with(CAST "expect session ended released\n", "line 6: it ended: caller-hung-up");
	fails_with(CAST "expect session confirmed\n", "line 6: it is ended");
	fails_with(CAST "expect call alice failed 486\n", "line 6: it is over");
	fails_with(CAST "expect leg calling answered 200\n", "line 6: it is hung-up");
	fails_with(CAST "expect counter sessions_begun is 2\n", "line 6: it is 1");
	fails_with(CAST "expect violation at bob CSeq\n", "line 6: it did not happen");
	fails_with("node domain=ims.example\nue alice at 127.0.0.1:6001 registered\n"
		   "ue bob at 127.0.0.1:6002 registered\nat 0 alice invites sip:bob@ims.example\n"
		   "expect nothing left\n",
		   "line 5: server: 1 sessions");
}

static void test_a_violation_that_nobody_expected_fails(void **state)
{
	(void)state;
	fails_with(CAST "ue mallory at 127.0.0.1:6009\n"
			"at 500 mallory forges BYE of alice toward bob cseq 1\n",
		   "violation: 505 ms bob");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_story_without_fault_passes_and_has_its_ladder),
		cmocka_unit_test(test_a_different_ladder_is_a_fault),
		cmocka_unit_test(test_words_that_are_not_understood_are_said_with_their_line),
		cmocka_unit_test(test_expectations_that_do_not_hold_fail),
		cmocka_unit_test(test_a_violation_that_nobody_expected_fails),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
