/* Our own broken state must reach an assert, in production too: the step runs in a child, which has to abort. */
#ifndef TEST_BROKEN_STATE_H
#define TEST_BROKEN_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool step_aborts(void (*step)(void *), void *argument)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		/* cmocka turns signals into failures of the test; here the abort is what is wanted. */
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		step(argument);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

#endif
