/* All counters, out of the tables that count them. */
#include "daemon/counters_reference.h"

#include "daemon/io_counters.h"
#include "node/counters.h"

struct row {
	const char *name, *document, *help;
};

static void print_row(const struct row *row, bool as_manual, FILE *out)
{
	const char *bracket = row->document[0] ? " (" : "", *end = row->document[0] ? ")" : "";

	if (as_manual)
		fprintf(out, ".TP\n.B %s\n%s%s%s%s.\n", row->name, row->help, bracket,
			row->document, end);
	else
		fprintf(out, "  %-36s %s%s%s%s\n", row->name, row->help, bracket, row->document,
			end);
}

static void print_section(const char *title, const struct row *rows, unsigned n, bool as_manual,
			  FILE *out)
{
	fprintf(out, as_manual ? ".SS %s\n" : "%s\n", title);
	for (unsigned i = 0; i < n; i++)
		print_row(&rows[i], as_manual, out);
}

#define ROW(name, help)                  {#name, "", help},
#define IO_ROW(name, place, help)        {#name, "", help},
#define CLAUSE_ROW(name, document, help) {#name, document, help},
#define N_ROWS(rows)                     (unsigned)(sizeof(rows) / sizeof((rows)[0]))

void counters_print_reference(FILE *out, bool as_manual)
{
	static const struct row gauges[] = {NODE_GAUGES(ROW)}, counts[] = {NODE_COUNTS(ROW)},
				io[] = {IO_COUNTS(IO_ROW)},
				clauses[] = {SESSION_CLAUSES(CLAUSE_ROW)};

	print_section("Now (gauges)", gauges, N_ROWS(gauges), as_manual, out);
	print_section("Since the start (counters)", counts, N_ROWS(counts), as_manual, out);
	print_section("Sockets (io)", io, N_ROWS(io), as_manual, out);
	/* The first is that of records without a clause. */
	print_section("Sessions in which a clause decided (clauses)", clauses + 1,
		      N_ROWS(clauses) - 1, as_manual, out);
}
