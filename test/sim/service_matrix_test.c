/* @req SC-3 SC-3b SC-3c
 * The release of an established session through service control, for every cell of
 *     {calling, called, both users served here} × {0..3 servers} × {proxy, B2BUA, mixed} × {normal, a server silent to the BYE, one that answers it with 481}
 * the fault at each place of the BYE's way. Each cell is a story that is written here, with its golden ladder in test/sim/stories/service.
 * ADIEU_UPDATE_LADDERS=1 writes the ladders anew, and docs/ladders-service-control.md from them; ADIEU_STORY=NAME chooses, ADIEU_SIM_STORY=1 prints the stories. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LADDERS   SOURCE_FOLDER "/test/sim/stories/service"
#define PAGE      SOURCE_FOLDER "/docs/ladders-service-control.md"

#define CELLS_MAX 256u
#define SERVERS   3u

enum served { SERVED_CALLING, SERVED_CALLED, SERVED_BOTH, SERVEDS };
enum kinds { KINDS_PROXY, KINDS_B2BUA, KINDS_MIXED, KINDS };
enum fault { FAULT_NONE, FAULT_SILENT, FAULT_481, FAULTS };

static const char *const served_names[] = {"calling", "called", "both"};
static const char *const kinds_names[] = {"proxy", "b2bua", "mixed"};
static const char *const fault_names[] = {"normal", "silent", "481"};

struct cell {
	enum served served;
	unsigned n; /* servers on each served side */
	enum kinds kinds;
	enum fault fault;
	char fault_side;     /* 'a': a server of the caller's, 'b': of the callee's */
	unsigned fault_step; /* which one on the BYE's way, from 1 */
	char name[64];
};

static struct cell cells[CELLS_MAX];
static unsigned n_cells;

/* ------------------------------------------------------------------ the cells */

static void add_cell(struct cell cell)
{
	struct cell *c = &cells[n_cells++];

	assert_true(n_cells <= CELLS_MAX);
	*c = cell;
	if (!cell.n)
		snprintf(c->name, sizeof(c->name), "%s_0", served_names[cell.served]);
	else if (cell.fault == FAULT_NONE)
		snprintf(c->name, sizeof(c->name), "%s_%u_%s_normal", served_names[cell.served],
			 cell.n, kinds_names[cell.kinds]);
	else if (cell.served == SERVED_BOTH)
		snprintf(c->name, sizeof(c->name), "both_%u_%s_%s_of_%s_%u", cell.n,
			 kinds_names[cell.kinds], fault_names[cell.fault],
			 cell.fault_side == 'a' ? "calling" : "called", cell.fault_step);
	else
		snprintf(c->name, sizeof(c->name), "%s_%u_%s_%s_%u", served_names[cell.served],
			 cell.n, kinds_names[cell.kinds], fault_names[cell.fault], cell.fault_step);
}

static void add_faults(struct cell cell)
{
	add_cell(cell);
	for (unsigned fault = FAULT_SILENT; fault < FAULTS; fault++)
		for (char side = 'a'; side <= 'b'; side++)
			for (unsigned step = 1; step <= cell.n; step++) {
				if ((side == 'a' && cell.served == SERVED_CALLED) ||
				    (side == 'b' && cell.served == SERVED_CALLING))
					continue;
				cell.fault = (enum fault)fault;
				cell.fault_side = side;
				cell.fault_step = step;
				add_cell(cell);
			}
}

static void make_cells(void)
{
	for (unsigned served = 0; served < SERVEDS; served++) {
		add_cell((struct cell){.served = (enum served)served});
		for (unsigned n = 1; n <= SERVERS; n++)
			for (unsigned kinds = 0; kinds < KINDS; kinds++)
				if (n > 1 || kinds != KINDS_MIXED)
					add_faults((struct cell){.served = (enum served)served,
								 .n = n,
								 .kinds = (enum kinds)kinds});
	}
}

/* ------------------------------------------------------------------ the story of a cell */

static bool is_served(const struct cell *c, char side)
{
	return c->served == SERVED_BOTH || (c->served == SERVED_CALLING) == (side == 'a');
}

/* Number `i` in the order in which the INVITE comes to them. */
static bool is_b2bua(const struct cell *c, unsigned i)
{
	return c->kinds == KINDS_B2BUA || (c->kinds == KINDS_MIXED && i % 2 == 0);
}

/* The BYE in the caller's name goes the way of the INVITE, that in the callee's name against it. */
static unsigned step_of(const struct cell *c, char side, unsigned i)
{
	return side == 'a' ? i : c->n + 1 - i;
}

static bool is_faulty(const struct cell *c, char side, unsigned i)
{
	return c->fault != FAULT_NONE && c->fault_side == side &&
	       step_of(c, side, i) == c->fault_step;
}

static void put_user(const struct cell *c, char side, struct text_writer *w)
{
	const char *name = side == 'a' ? "alice" : "bob";

	if (!is_served(c, side)) {
		text_printf(w, "ue %s at 127.0.9.%u:600%u as sip:%s@other.example\n", name,
			    side == 'a' ? 1 : 2, side == 'a' ? 1 : 2, name);
		text_printf(w, "name other.example is %s\n", name);
		return;
	}
	text_printf(w, "subscriber sip:%s@ims.example\n", name);
	text_printf(w, "ue %s at 127.0.0.1:600%u registered\n", name, side == 'a' ? 1 : 2);
	for (unsigned i = 1; i <= c->n; i++) {
		text_printf(w, "server %c%u at 127.0.0.%u:700%u as %s\n", side, i,
			    side == 'a' ? 10 : 20, i, is_b2bua(c, i) ? "b2bua" : "proxy");
		text_printf(w,
			    "criteria of sip:%s@ims.example priority %u on INVITE case %s "
			    "default continue server %c%u\n",
			    name, i, side == 'a' ? "orig-reg" : "term-reg", side, i);
	}
}

static void put_fault(const struct cell *c, char side, unsigned i, struct text_writer *w)
{
	if (!is_faulty(c, side, i))
		return;
	if (c->fault == FAULT_SILENT)
		text_printf(w, "%c%u ignores BYE\n", side, i);
	else
		text_printf(w, "%c%u answers BYE with 481\n", side, i);
}

/* One BYE in each dialog of a server: it complains of a second. A B2BUA says that in its other dialog itself, unless it failed at the first. */
static void put_expectations_of_server(const struct cell *c, char side, unsigned i,
				       struct text_writer *w)
{
	bool faulty = is_faulty(c, side, i);

	put_fault(c, side, i, w);
	text_printf(w, "expect at %c%u %u BYE\n", side, i, is_b2bua(c, i) && faulty ? 2 : 1);
	if (is_b2bua(c, i))
		text_printf(w, "expect at server %u BYE from %c%u\n", faulty ? 0 : 1, side, i);
}

static void put_cast(const struct cell *c, struct text_writer *w)
{
	text_printf(w, "story release through service control: %s\n", c->name);
	text_put_literal(w, "node domain=ims.example trusted=127.0.0.0/24");
	if (c->served == SERVED_CALLING)
		text_put_literal(w, " route=other.example>127.0.9.2:6002");
	text_put_char(w, '\n');
	put_user(c, 'a', w);
	put_user(c, 'b', w);
	text_printf(w, "at 0 alice invites sip:bob@%s.example\n",
		    is_served(c, 'b') ? "ims" : "other");
}

static void put_story(const struct cell *c, struct text_writer *w)
{
	put_cast(c, w);
	text_printf(w, "at 1000 expect session confirmed\nat 1000 expect session served %s\n",
		    served_names[c->served]);
	text_put_literal(w, "at 2000 operator releases all reason 503 text \"maintenance\"\n");
	for (char side = 'a'; side <= 'b'; side++)
		for (unsigned i = 1; is_served(c, side) && i <= c->n; i++)
			put_expectations_of_server(c, side, i, w);
	text_put_literal(w, "expect at alice 1 BYE\nexpect at bob 1 BYE\n"
			    "expect call alice over\nexpect call bob over\n"
			    "expect session ended released 503\n"
			    "expect release found 1 begun 1 ended 1 running 0\n"
			    "expect nothing left\n");
}

static void test_sc_3_release_through_service_control(void **state)
{
	const struct cell *c = *state;
	static char story[16384], report[65536];
	struct text_writer s = text_writer_on(story, sizeof(story) - 1);
	struct text_writer r = text_writer_on(report, sizeof(report));
	char path[1024];

	put_story(c, &s);
	assert_false(s.full);
	story[s.len] = 0;
	if (getenv("ADIEU_SIM_STORY"))
		fprintf(stderr, "%s", story);
	snprintf(path, sizeof(path), "%s/%s.story", LADDERS, c->name);
	if (!story_run_text(story, path, getenv("ADIEU_UPDATE_LADDERS") != NULL, &r))
		fail_msg("%s\n%.*s", c->name, (int)r.len, report);
}

/* ------------------------------------------------------------------ at any other moment */

/* The order comes while the INVITE, its responses and the ACK are on their way: whatever it meets, nothing is left anywhere, and nobody complains. */
static void test_sc_0_release_at_any_moment_of_the_set_up(void **state)
{
	const struct cell *c = *state;
	static char story[16384], report[65536];
	unsigned failures = 0;

	for (unsigned at_ms = 0; at_ms <= 300; at_ms += 5) {
		struct text_writer s = text_writer_on(story, sizeof(story) - 1);
		struct text_writer r = text_writer_on(report, sizeof(report));

		put_cast(c, &s);
		text_printf(&s,
			    "without ladder\nbob answers after 60\nbob rings after 20\n"
			    "at %u operator releases all\nat 100000 operator releases all\n"
			    "expect nothing left\n",
			    at_ms);
		assert_false(s.full);
		story[s.len] = 0;
		if (getenv("ADIEU_SIM_STORY"))
			fprintf(stderr, "%s", story);
		if (story_run_text(story, "none.story", false, &r))
			continue;
		print_message("released at %u ms:\n%.*s", at_ms, (int)r.len, report);
		failures++;
	}
	assert_int_equal(failures, 0);
}

static struct cell moments[CELLS_MAX];

static unsigned make_moments(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_cells; i++) {
		if (cells[i].fault != FAULT_NONE || cells[i].n > 2)
			continue;
		moments[n] = cells[i];
		snprintf(moments[n].name, sizeof(moments[n].name), "moments_%.50s", cells[i].name);
		n++;
	}
	return n;
}

/* ------------------------------------------------------------------ the page */

#define COLUMN  12u
#define COLUMNS 9u

struct columns {
	unsigned n;
	char names[COLUMNS][8];
	unsigned n_seen; /* what was shown: repetitions are left out */
	char seen[128][160];
};

static void add_column(struct columns *columns, const char *name)
{
	snprintf(columns->names[columns->n++], sizeof(columns->names[0]), "%s", name);
}

static void add_servers(struct columns *columns, const struct cell *c, char side)
{
	char name[8];

	for (unsigned i = 1; is_served(c, side) && i <= c->n; i++) {
		snprintf(name, sizeof(name), "%c%u", side, i);
		add_column(columns, name);
	}
}

static unsigned column_of(const struct columns *columns, const char *name)
{
	unsigned i = 0;

	while (i < columns->n && strcmp(columns->names[i], name) != 0)
		i++;
	return i;
}

static void put_arrow(FILE *out, const struct columns *columns, const char *time, unsigned from,
		      unsigned to, const char *label)
{
	unsigned left = from < to ? from : to, right = from < to ? to : from;
	char row[COLUMN * COLUMNS + 2];
	size_t end;

	memset(row, ' ', sizeof(row));
	for (unsigned i = 0; i < columns->n; i++)
		row[i * COLUMN] = '|';
	memset(row + left * COLUMN + 1, '-', (right - left) * COLUMN - 1);
	if (from < to)
		row[right * COLUMN - 1] = '>';
	else
		row[left * COLUMN + 1] = '<';
	memcpy(row + left * COLUMN + 3, label, strlen(label));
	for (end = sizeof(row) - 1; end && row[end - 1] == ' ';)
		end--;
	fprintf(out, "    %8s  %.*s\n", time, (int)end, row);
}

static bool was_shown(struct columns *columns, const char *from, const char *to, const char *what)
{
	char line[160];

	snprintf(line, sizeof(line), "%.20s %.20s %.100s", from, to, what);
	for (unsigned i = 0; i < columns->n_seen; i++)
		if (strcmp(columns->seen[i], line) == 0)
			return true;
	assert_true(columns->n_seen < 128);
	snprintf(columns->seen[columns->n_seen++], sizeof(line), "%s", line);
	return false;
}

static void put_crossing(FILE *out, struct columns *columns, const char *line)
{
	char time[16], from[64], arrow[8], to[64], what[512], label[COLUMN];
	unsigned a, b;

	if (sscanf(line, "%15s %63s %7s %63s %511[^\n]", time, from, arrow, to, what) != 5 ||
	    atof(time) < 1.9 || was_shown(columns, from, to, what))
		return;
	a = column_of(columns, from);
	b = column_of(columns, to);
	what[strcspn(what, " ")] = 0;
	snprintf(label, sizeof(label), "%.5s", what);
	if (a < columns->n && b < columns->n && a != b)
		put_arrow(out, columns, time, a, b, label);
}

/* What crossed the network from the order on, taken from the golden ladder. */
static void put_ladder(FILE *out, const struct cell *c)
{
	struct columns columns = {0};
	char path[1024], line[2048];
	bool on_the_wire = false;
	FILE *in;

	add_column(&columns, "alice");
	add_servers(&columns, c, 'a');
	add_column(&columns, "server");
	add_servers(&columns, c, 'b');
	add_column(&columns, "bob");
	fprintf(out, "    %8s  ", "");
	for (unsigned i = 0; i < columns.n; i++)
		fprintf(out, i + 1 < columns.n ? "%-12s" : "%s\n",
			strcmp(columns.names[i], "server") == 0 ? "adieu" : columns.names[i]);
	snprintf(path, sizeof(path), "%s/%s.ladder", LADDERS, c->name);
	in = fopen(path, "rb");
	while (in && fgets(line, sizeof(line), in)) {
		if (on_the_wire)
			put_crossing(out, &columns, line);
		on_the_wire |= strcmp(line, "== on the wire\n") == 0;
	}
	if (in)
		fclose(in);
}

static void put_explanation(FILE *out, const struct cell *c)
{
	static const char *const kinds[] = {"proxies", "B2BUAs", "proxies and B2BUAs by turns"};
	char side = c->fault_side;
	unsigned i = side == 'a' ? c->fault_step : c->n + 1 - c->fault_step;

	if (!c->n)
		fprintf(out, "No application server: a BYE to each side.\n");
	else if (c->fault == FAULT_NONE)
		fprintf(out,
			"%s: the BYE %s passes each of them once; where the served user is, it "
			"goes directly.\n",
			c->n == 1 ? (c->kinds == KINDS_PROXY ? "One proxy" : "One B2BUA")
				  : kinds[c->kinds],
			c->served == SERVED_CALLING  ? "in the caller's name"
			: c->served == SERVED_CALLED ? "in the callee's name"
						     : "in each user's name");
	else if (c->fault == FAULT_SILENT)
		fprintf(out,
			"%c%u, a %s, never answers: when the wait for what should come through it "
			"is over, the BYE goes on behind it.\n",
			side, i, is_b2bua(c, i) ? "B2BUA" : "proxy");
	else
		fprintf(out,
			"%c%u, a %s, answers 481: nothing will come through it, and the BYE goes "
			"on "
			"behind it at once.\n",
			side, i, is_b2bua(c, i) ? "B2BUA" : "proxy");
}

static void write_page(void)
{
	static const char *const titles[] = {"The calling user is served here",
					     "The called user is served here",
					     "Both users are served here"};
	FILE *out = fopen(PAGE, "wb");
	enum served last = SERVEDS;

	if (!out)
		return;
	fputs("# Release through service control\n\n"
	      "What crosses the network when the operator releases an established session with "
	      "application servers in its path (TS 24.229 §5.4.5.1.2).\n"
	      "The servers of the caller are a1, a2, a3, those of the callee b1, b2, b3, in the "
	      "order in which the INVITE came to them. A party that is not\n"
	      "served here is outside. Written by `ADIEU_UPDATE_LADDERS=1 "
	      "sim_service_matrix_test` from the golden ladders in test/sim/stories/service, "
	      "where\nmore cells are: here a fault is always at the first server of the BYE's "
	      "way.\nRepetitions of a message are left out.\n",
	      out);
	for (unsigned i = 0; i < n_cells; i++) {
		const struct cell *c = &cells[i];

		if (c->fault_step > 1 || (c->served == SERVED_BOTH && c->fault_side == 'b'))
			continue;
		if (c->served != last)
			fprintf(out, "\n## %s\n", titles[c->served]);
		last = c->served;
		fprintf(out, "\n### %s\n\n", c->name);
		put_explanation(out, c);
		fputc('\n', out);
		put_ladder(out, c);
	}
	fclose(out);
}

int main(void)
{
	const char *only = getenv("ADIEU_STORY");
	struct CMUnitTest tests[2 * CELLS_MAX];
	unsigned n = 0, n_moments;
	int result;

	make_cells();
	n_moments = make_moments();
	for (unsigned i = 0; i < n_cells; i++)
		if (!only || strncmp(cells[i].name, only, strlen(only)) == 0)
			tests[n++] = (struct CMUnitTest){
				.name = cells[i].name,
				.test_func = test_sc_3_release_through_service_control,
				.initial_state = &cells[i]};
	for (unsigned i = 0; i < n_moments; i++)
		if (!only || strncmp(moments[i].name, only, strlen(only)) == 0)
			tests[n++] = (struct CMUnitTest){
				.name = moments[i].name,
				.test_func = test_sc_0_release_at_any_moment_of_the_set_up,
				.initial_state = &moments[i]};
	result = _cmocka_run_group_tests("service matrix", tests, n, NULL, NULL);
	if (getenv("ADIEU_UPDATE_LADDERS") && !only && result == 0)
		write_page();
	return result;
}
