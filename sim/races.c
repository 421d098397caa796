/* The race explorer: which choices are tried, and what is told of them. */
#include "races.h"

#include "base/random.h"

#include <stdlib.h>

#define KINDS_MAX  32u
#define KIND_BYTES 160u

/* A set of hashes that only grows. */
struct seen {
	uint64_t *places;
	uint64_t mask, n;
};

/* What was chosen at one step, and what could have been. */
struct step {
	uint8_t n, chosen;
	uint8_t cost[RACE_OPTIONS_MAX];
	char name[4]; /* of the choice */
};

struct explorer {
	const struct races_options *options;
	const struct race_scenario *scenario;
	struct race_run *run;
	FILE *out;
	struct races_figures *figures;
	struct step steps[RACE_STEPS_MAX];
	unsigned n_steps, n_given; /* of the present run; the first `n_given` choices are given */
	unsigned level;            /* greatest cost */
	bool diverged;
	struct random random;
	struct seen strings, histories;
	uint64_t n_of_kind[KINDS_MAX]; /* violations by what did not hold */
	char first[KINDS_MAX][KIND_BYTES];
	unsigned n_reported;
	uint64_t counted, branching; /* of this scenario; seen to branch off to the next level */
};

/* ---------------------------------------------------------------- the set */

static bool seen_open(struct seen *seen, uint64_t n_max)
{
	uint64_t places = 1024;

	while (places < 2 * n_max)
		places *= 2;
	seen->places = calloc(places, sizeof(uint64_t));
	seen->mask = places - 1;
	seen->n = 0;
	return seen->places != NULL;
}

/* false: it was there. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
	uint64_t at = hash & seen->mask;

	hash += !hash;
	for (; seen->places[at]; at = (at + 1) & seen->mask)
		if (seen->places[at] == hash)
			return false;
	if (seen->n > seen->mask / 4 * 3)
		return false;
	seen->places[at] = hash;
	seen->n++;
	return true;
}

/* ---------------------------------------------------------------- a run as a string */

static uint64_t string_hash(const struct explorer *e)
{
	uint64_t hash = 14695981039346656037ull;

	for (unsigned i = 0; i < e->n_steps; i++)
		for (const char *c = e->steps[i].name; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
	return hash ^ hash >> 29;
}

static void print_string(const struct explorer *e, FILE *out)
{
	fprintf(out, "%s:", e->scenario->name);
	for (unsigned i = 0; i < e->n_steps; i++)
		fputs(e->steps[i].name, out);
}

static unsigned cost_before(const struct explorer *e, unsigned step)
{
	unsigned cost = 0;

	for (unsigned i = 0; i < step; i++)
		cost += e->steps[i].cost[e->steps[i].chosen];
	return cost;
}

static unsigned keep(struct explorer *e, const struct race_option *options, unsigned n,
		     unsigned chosen)
{
	struct step *step = &e->steps[e->n_steps++];

	step->n = (uint8_t)n;
	step->chosen = (uint8_t)chosen;
	for (unsigned i = 0; i < n; i++)
		step->cost[i] = options[i].cost;
	race_option_put(&options[chosen], step->name);
	return chosen;
}

/* ---------------------------------------------------------------- reports */

static unsigned choose_again(void *self, const struct race_option *options, unsigned n)
{
	struct explorer *e = self;
	unsigned chosen = e->n_steps < e->n_given ? e->steps[e->n_steps].chosen : 0;

	if (chosen >= n) {
		e->diverged = true;
		chosen = 0;
	}
	return keep(e, options, n, chosen);
}

/* The same run again, with every step. */
static void tell(struct explorer *e, enum race_invariant broken)
{
	struct race_chooser again = {e, choose_again};
	struct race_run *run;

	fprintf(e->out, "\nviolation of %s: %s\n  %s\n  replay: races --replay '",
		race_invariants[broken].name, race_invariants[broken].meaning,
		race_run_what(e->run));
	print_string(e, e->out);
	fprintf(e->out, "'\n");
	run = race_run_open(e->options->fault, 1);
	if (!run)
		return;
	e->n_given = e->n_steps;
	e->n_steps = 0;
	e->diverged = false;
	fprintf(e->out,
		"\nwhat happened (=> delivered, -> sent by the server, -x lost, # event):\n");
	if (race_run_go(run, e->scenario, &again, e->out) != broken || e->diverged)
		fprintf(e->out, "*** not the same on a new node: it takes the runs before it, or "
				"what the node draws\n");
	fprintf(e->out, "\nas the server tells it:\n");
	race_run_print_ladders(run, e->out);
	race_run_close(run);
}

/* Violations with the same words are of one kind; true: the first of it. */
static bool is_new_kind(struct explorer *e)
{
	const char *what = race_run_what(e->run);
	unsigned i = 0;

	while (i < e->n_reported && strncmp(e->first[i], what, KIND_BYTES - 1) != 0)
		i++;
	if (i == KINDS_MAX)
		return false;
	if (i == e->n_reported) {
		e->n_reported++;
		strncpy(e->first[i], what, KIND_BYTES - 1);
	}
	return e->n_of_kind[i]++ == 0;
}

/* true: go on. */
static bool count(struct explorer *e, enum race_invariant broken)
{
	e->figures->messages += race_run_messages(e->run);
	e->counted++;
	e->figures->interleavings++;
	if (seen_add(&e->histories, race_run_history(e->run)))
		e->figures->histories++;
	if (broken == RACE_HOLDS)
		return true;
	e->figures->violations++;
	if (is_new_kind(e))
		tell(e, broken);
	return e->options->goes_on;
}

static enum race_invariant go(struct explorer *e, const struct race_chooser *chooser)
{
	e->n_steps = 0;
	e->figures->executed++;
	return race_run_go(e->run, e->scenario, chooser, NULL);
}

/* ---------------------------------------------------------------- level by level */

static unsigned choose_first(void *self, const struct race_option *options, unsigned n)
{
	struct explorer *e = self;

	return e->n_steps < e->n_given ? choose_again(self, options, n) : keep(e, options, n, 0);
}

/* The next prefix in the order of depth first; false when all were tried. */
static bool next_prefix(struct explorer *e)
{
	for (unsigned at = e->n_steps; at-- > 0;) {
		struct step *step = &e->steps[at];
		unsigned before = cost_before(e, at);

		for (unsigned i = step->chosen + 1u; i < step->n; i++)
			if (before + step->cost[i] <= e->level) {
				step->chosen = (uint8_t)i;
				e->n_given = at + 1;
				return true;
			}
	}
	return false;
}

/* Each is the beginning of at least one run of the next level, and of no other's. */
static void count_branches(struct explorer *e, unsigned first_new)
{
	for (unsigned at = first_new; at < e->n_steps; at++)
		if (cost_before(e, at) == e->level)
			for (unsigned i = 0; i < e->steps[at].n; i++)
				e->branching += e->steps[at].cost[i] != 0;
}

enum outcome { WHOLE, BOUND_REACHED, STOPPED };

static enum outcome explore_level(struct explorer *e, uint64_t bound)
{
	struct race_chooser chooser = {e, choose_first};

	e->n_given = 0;
	e->branching = 0;
	do {
		unsigned first_new = e->n_given;
		enum race_invariant broken = go(e, &chooser);

		e->figures->diverged += e->diverged;
		e->diverged = false;
		count_branches(e, first_new);
		if (cost_before(e, e->n_steps) != e->level)
			continue; /* of an earlier level */
		if (!seen_add(&e->strings, string_hash(e)))
			continue; /* the node drew other numbers, and the run went another way: into one that was counted */
		if (!count(e, broken))
			return STOPPED;
		if (e->counted >= bound)
			return BOUND_REACHED;
	} while (next_prefix(e));
	return WHOLE;
}

/* ---------------------------------------------------------------- at random */

static unsigned choose_by_lot(void *self, const struct race_option *options, unsigned n)
{
	struct explorer *e = self;
	unsigned n_free = 0;

	while (n_free < n && !options[n_free].cost)
		n_free++;
	if (n_free < n && random_below(&e->random, 5) == 0)
		return keep(e, options, n, random_below(&e->random, n));
	return keep(e, options, n, random_below(&e->random, n_free));
}

static enum outcome draw(struct explorer *e, uint64_t bound)
{
	struct race_chooser chooser = {e, choose_by_lot};
	uint64_t in_vain = 0;

	e->n_given = 0;
	while (e->counted < bound && in_vain < 2 * bound) {
		enum race_invariant broken = go(e, &chooser);

		/* All of the lower levels were counted. */
		if (cost_before(e, e->n_steps) < e->level || !seen_add(&e->strings, string_hash(e)))
			in_vain++;
		else if (!count(e, broken))
			return STOPPED;
	}
	return BOUND_REACHED;
}

/* ---------------------------------------------------------------- a scenario */

static bool explore_scenario(struct explorer *e, uint64_t bound)
{
	enum outcome outcome = WHOLE;
	uint64_t histories = e->figures->histories, systematic;

	e->counted = e->branching = 0;
	for (e->level = 0; outcome == WHOLE && e->counted < bound; e->level++) {
		uint64_t before = e->counted;

		if (e->level > e->options->level_max)
			break;
		if (e->level && (!e->branching || e->counted + e->branching > bound))
			break;
		outcome = explore_level(e, bound);
		fprintf(e->out, "  cost %u: %llu interleavings, %s\n", e->level,
			(unsigned long long)(e->counted - before),
			outcome == WHOLE           ? "all"
			: outcome == BOUND_REACHED ? "not all"
						   : "stopped at a violation");
	}
	systematic = e->counted;
	if (outcome == WHOLE && e->branching && e->level <= e->options->level_max)
		outcome = draw(e, bound);
	fprintf(e->out, "  drawn at random from cost %u and more: %llu\n", e->level,
		(unsigned long long)(e->counted - systematic));
	fprintf(e->out, "  %s: %llu interleavings, %llu different as the server saw them\n",
		e->scenario->name, (unsigned long long)e->counted,
		(unsigned long long)(e->figures->histories - histories));
	return outcome != STOPPED;
}

static bool explore(struct explorer *e)
{
	const struct races_options *o = e->options;
	bool found = false, goes_on = true;

	for (unsigned i = 0; goes_on && (e->scenario = races_scenario(i)); i++) {
		uint64_t bound = o->scenario ? o->runs : o->runs * e->scenario->share / 100;

		if (o->scenario && strcmp(o->scenario, e->scenario->name) != 0)
			continue;
		found = true;
		fprintf(e->out, "%s: %s\n", e->scenario->name, e->scenario->about);
		if (!seen_open(&e->strings, bound) || !seen_open(&e->histories, bound))
			return false;
		goes_on = explore_scenario(e, bound);
		free(e->strings.places);
		free(e->histories.places);
		e->strings.places = e->histories.places = NULL;
	}
	return found;
}

bool races_explore(const struct races_options *options, FILE *out, struct races_figures *ret)
{
	struct explorer *e = calloc(1, sizeof(*e));
	bool done = false;

	*ret = (struct races_figures){0};
	if (!e)
		return false;
	e->options = options;
	e->out = out;
	e->figures = ret;
	e->random = random_from(options->seed, 0x7261636573);
	e->run = race_run_open(options->fault, options->runs_of_node);
	if (e->run)
		done = explore(e);
	for (unsigned i = 0; i < e->n_reported; i++)
		fprintf(out, "%8llu times: %s\n", (unsigned long long)e->n_of_kind[i], e->first[i]);
	race_run_close(e->run);
	free(e->strings.places);
	free(e->histories.places);
	free(e);
	return done;
}

/* ---------------------------------------------------------------- replay */

struct replay {
	const char *rest;
	bool impossible;
};

static unsigned choose_as_written(void *self, const struct race_option *options, unsigned n)
{
	struct replay *replay = self;
	char name[4];

	if (!*replay->rest) /* the string may be shorter than the run: the rest is ordinary */
		return 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned len = race_option_put(&options[i], name);

		if (strncmp(replay->rest, name, len) == 0) {
			replay->rest += len;
			return i;
		}
	}
	replay->impossible = true;
	replay->rest = "";
	return 0;
}

bool races_replay(const char *string, enum race_fault fault, FILE *out, enum race_invariant *ret)
{
	const char *colon = strchr(string, ':');
	const struct race_scenario *scenario =
		colon ? races_scenario_named(string, (size_t)(colon - string)) : NULL;
	struct replay replay = {.rest = colon ? colon + 1 : ""};
	struct race_chooser chooser = {&replay, choose_as_written};
	struct race_run *run = scenario ? race_run_open(fault, 1) : NULL;

	if (!run)
		return false;
	*ret = race_run_go(run, scenario, &chooser, out);
	if (*ret != RACE_HOLDS)
		fprintf(out, "\nviolation of %s: %s\n  %s\n", race_invariants[*ret].name,
			race_invariants[*ret].meaning, race_run_what(run));
	fprintf(out, "\n");
	race_run_print_ladders(run, out);
	race_run_close(run);
	return !replay.impossible;
}
