/* @req SC-3
 * Service control with everything drawn from a seed: servers of both users and their kinds, lateness, loss, who hangs up when, a server that vanishes, and the moment of the
 * operator's order. Whatever comes of the call, nothing is left anywhere, and nobody complains. ADIEU_SEEDS="FIRST COUNT" chooses; ADIEU_SIM_STORY=1 prints the stories. */
#include "story.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 300u

struct drawn {
	struct random random;
	struct text_writer w;
	bool is_lossy, has_gone;
	char gone[4];
	unsigned n_servers;
};

static bool one_in(struct drawn *d, uint32_t n)
{
	return random_below(&d->random, n) == 0;
}

static void put_server(struct drawn *d, char side, unsigned i)
{
	static const char *const kinds[] = {
		"proxy",          "proxy",          "b2bua",        "b2bua",
		"forking into 2", "proxy late 300", "proxy absent", "b2bua late 700 with 183"};

	text_printf(&d->w, "server %c%u at 127.0.0.%u:700%u as %s%s\n", side, i,
		    side == 'a' ? 10 : 20, i, kinds[random_below(&d->random, 8)],
		    d->is_lossy ? " unordered" : "");
	text_printf(&d->w,
		    "criteria of sip:%s@ims.example priority %u on INVITE case %s default %s "
		    "server %c%u\n",
		    side == 'a' ? "alice" : "bob", i, side == 'a' ? "orig-reg" : "term-reg",
		    one_in(d, 2) ? "continue" : "terminate", side, i);
	d->n_servers++;
	if (one_in(d, 3) && !d->gone[0])
		snprintf(d->gone, sizeof(d->gone), "%c%u", side, i);
	if (one_in(d, 8))
		text_printf(&d->w, "%c%u answers BYE with 481\n", side, i);
}

static void put_user(struct drawn *d, char side)
{
	const char *name = side == 'a' ? "alice" : "bob";
	unsigned n = random_below(&d->random, 4);

	text_printf(&d->w, "subscriber sip:%s@ims.example\n", name);
	text_printf(&d->w, "ue %s at 127.0.0.1:600%u registered%s\n", name, side == 'a' ? 1 : 2,
		    d->is_lossy ? " unordered" : "");
	for (unsigned i = 1; i <= n; i++)
		put_server(d, side, i);
}

static void put_deeds(struct drawn *d)
{
	text_printf(&d->w, "bob rings after %u\nbob answers after %u%s\n",
		    random_below(&d->random, 50), 50 + random_below(&d->random, 500),
		    one_in(d, 10) ? " with 486" : "");
	text_put_literal(&d->w, "at 0 alice invites sip:bob@ims.example\n");
	if (one_in(d, 4))
		text_printf(&d->w, "at %u alice hangs up all\n", random_below(&d->random, 3000));
	if (one_in(d, 4))
		text_printf(&d->w, "at %u bob hangs up all\n", random_below(&d->random, 3000));
	if (d->gone[0] && one_in(d, 3)) {
		d->has_gone = true;
		text_printf(&d->w, "at %u %s goes away\n", random_below(&d->random, 3000), d->gone);
	}
	text_printf(&d->w, "at %u operator releases all\nat 400000 operator releases all\n",
		    random_below(&d->random, one_in(d, 2) ? 400 : 4000));
	text_put_literal(&d->w, "expect nothing left\n");
}

static void draw_story(struct drawn *d, uint64_t seed)
{
	d->random = random_from(seed, 0x73657276696365ull);
	d->is_lossy = one_in(d, 3);
	text_printf(&d->w,
		    "story drawn from seed %llu\nseed %llu\nuntil 2000000\nwithout ladder\n"
		    "node domain=ims.example shards=%u\n",
		    (unsigned long long)seed, (unsigned long long)seed,
		    1 + 3 * random_below(&d->random, 2));
	put_user(d, 'a');
	put_user(d, 'b');
	if (d->is_lossy)
		text_printf(&d->w,
			    "link all delay %u jitter %u loss-permille %u double-permille %u\n",
			    1 + random_below(&d->random, 20), random_below(&d->random, 10),
			    random_below(&d->random, 150), random_below(&d->random, 100));
	put_deeds(d);
}

/* Who stands before a server that has gone gets no answer either (RFC 4320 §4.1). A server that lost every 2xx does not know the dialog that the others know. */
static bool is_excused(const struct drawn *d, const char *line)
{
	return ((d->has_gone || d->is_lossy) && strstr(line, "never answered")) ||
	       (d->is_lossy && strstr(line, "did not begin here"));
}

static bool run(uint64_t seed)
{
	static char story[16384], report[65536];
	struct drawn d = {.w = text_writer_on(story, sizeof(story) - 1)};
	struct text_writer r = text_writer_on(report, sizeof(report) - 1);
	bool well = true;

	draw_story(&d, seed);
	assert_false(d.w.full);
	story[d.w.len] = 0;
	if (getenv("ADIEU_SIM_STORY"))
		fprintf(stderr, "%s", story);
	if (story_run_text(story, "none.story", false, &r))
		return true;
	report[r.len] = 0;
	for (char *line = strtok(report, "\n"); line; line = strtok(NULL, "\n")) {
		if (is_excused(&d, line))
			continue;
		print_message("seed %llu: %s\n", (unsigned long long)seed, line);
		well = false;
	}
	return well;
}

static void test_sc_3_nothing_is_left_whatever_is_drawn(void **state)
{
	const char *chosen = getenv("ADIEU_SEEDS");
	unsigned long long first = 1, count = SEEDS;
	unsigned failures = 0;

	(void)state;
	if (chosen)
		sscanf(chosen, "%llu %llu", &first, &count);
	for (unsigned long long seed = first; seed < first + count; seed++)
		failures += !run(seed);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_3_nothing_is_left_whatever_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
