/* races: the race explorer of the SCC AS. See --help. */
#include "races.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

static const char help[] =
	"races [--runs N] [--scenario NAME] [--seed N] [--level N] [--all] [--broken[=WHICH]]\n"
	"races --replay STRING [--broken[=WHICH]]\n"
	"races --list\n\n"
	"Explores the interleavings of BYE (503), INVITE due to STN-SR, CANCEL, re-INVITE, the "
	"parties' BYEs, the\n"
	"timers and the loss of a message, on the whole server and virtual time. The last lines "
	"are\n"
	"`interleavings N` and `violations N`; exit status 1 when there are violations, 2 for "
	"wrong usage.\n\n"
	"  --level N        only runs of cost 0 to N (see sim/races.h), all of them when --runs "
	"allows\n"
	"  --all            goes on after the first violation; one of each invariant is told in "
	"full\n"
	"  --fresh          a new node for every run, so that a run owes nothing to those before "
	"it\n"
	"  --broken[=WHICH] with a fault, to be found: forget-hold (default), no-hold, long-hold, "
	"swallow-bye\n";

static bool fault_named(const char *name, enum race_fault *ret)
{
	static const char *const names[] = {"none", "forget-hold", "no-hold", "long-hold",
					    "swallow-bye"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (enum race_fault)i;
			return true;
		}
	return false;
}

static int list(void)
{
	const struct race_scenario *s;

	for (unsigned i = 0; (s = races_scenario(i)); i++) {
		printf("%s: %s\n", s->name, s->about);
		for (unsigned k = 0; k < RACE_EVENTS_MAX && s->events[k].name; k++)
			printf("  %u  %s\n", k + 1, s->events[k].name);
	}
	printf("\nIn a replay string: 1-9 the event; u r m a message of UE, remote party, MSC "
	       "server arrives; U R M "
	       "one arrives there;\n- before it: is lost; ^: overtakes; . time passes; ! nothing "
	       "more is done.\n\n");
	for (unsigned i = 1; i < RACE_INVARIANTS; i++)
		printf("%-16s %s\n", race_invariants[i].name, race_invariants[i].meaning);
	return 0;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int explore(const struct races_options *options)
{
	struct races_figures f;
	double began = seconds(), took;

	if (!races_explore(options, stdout, &f)) {
		fprintf(stderr, "races: no such scenario, or no memory\n");
		return 2;
	}
	took = seconds() - began;
	if (f.diverged)
		printf("%llu runs could not be repeated\n", (unsigned long long)f.diverged);
	printf("\n%llu runs, %llu messages in %.1f s: %.0f runs/s\n%llu histories as the server "
	       "saw them\n"
	       "interleavings %llu\nviolations %llu\n",
	       (unsigned long long)f.executed, (unsigned long long)f.messages, took,
	       (double)f.executed / (took > 0 ? took : 1), (unsigned long long)f.histories,
	       (unsigned long long)f.interleavings, (unsigned long long)f.violations);
	return f.violations != 0;
}

static int replay(const char *string, enum race_fault fault)
{
	enum race_invariant broken;

	if (!races_replay(string, fault, stdout, &broken)) {
		fprintf(stderr, "races: these choices cannot be made\n");
		return 2;
	}
	return broken != RACE_HOLDS;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"runs", required_argument, NULL, 'n'},
		{"scenario", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'S'},
		{"all", no_argument, NULL, 'a'},
		{"broken", optional_argument, NULL, 'b'},
		{"replay", required_argument, NULL, 'r'},
		{"fresh", no_argument, NULL, 'f'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"level", required_argument, NULL, 'L'},
		{0},
	};
	struct races_options options = {.runs = 370000, .level_max = UINT_MAX, .seed = 1};
	const char *string = NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case 'n': options.runs = strtoull(optarg, NULL, 10); break;
		case 's': options.scenario = optarg; break;
		case 'L': options.level_max = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'S': options.seed = strtoull(optarg, NULL, 10); break;
		case 'a': options.goes_on = true; break;
		case 'f': options.runs_of_node = 1; break;
		case 'r': string = optarg; break;
		case 'l': return list();
		case 'h': return printf("%s", help) < 0;
		case 'b':
			if (fault_named(optarg ? optarg : "forget-hold", &options.fault))
				break;
			/* fallthrough */
		default: fprintf(stderr, "%s", help); return 2;
		}
	}
	return string ? replay(string, options.fault) : explore(&options);
}
