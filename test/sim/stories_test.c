/* All stories of test/sim/stories, one test each, named by its file. ADIEU_UPDATE_LADDERS=1 writes the golden ladders anew; ADIEU_STORY=NAME runs one. */
#include "story.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STORIES SOURCE_FOLDER "/test/sim/stories"

static void story(void **state)
{
	const char *name = *state;
	char path[1024];
	static char report[65536];
	struct text_writer w = text_writer_on(report, sizeof(report));

	snprintf(path, sizeof(path), "%s/%s", STORIES, name);
	if (!story_run(path, getenv("ADIEU_UPDATE_LADDERS") != NULL, &w))
		fail_msg("%s\n%.*s", name, (int)w.len, report);
}

static int is_story(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.'), *only = getenv("ADIEU_STORY");

	return dot && strcmp(dot, ".story") == 0 &&
	       (!only || strncmp(entry->d_name, only, strlen(only)) == 0);
}

int main(void)
{
	struct dirent **files;
	int n = scandir(STORIES, &files, is_story, alphasort), result;
	struct CMUnitTest *tests;

	if (n <= 0) {
		fprintf(stderr, "no stories in %s\n", STORIES);
		return 1;
	}
	tests = calloc((size_t)n, sizeof(*tests));
	for (int i = 0; tests && i < n; i++)
		tests[i] = (struct CMUnitTest){.name = files[i]->d_name,
					       .test_func = story,
					       .initial_state = files[i]->d_name};
	result = tests ? _cmocka_run_group_tests("stories", tests, (size_t)n, NULL, NULL) : 1;
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	free(tests);
	return result;
}
