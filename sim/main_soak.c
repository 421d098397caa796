/* adieu-soak: many seeded runs. adieu-soak [FIRST [COUNT]]; exit 1 with the first seed that breaks an invariant. */
#include "seeded.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
		 count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	static char bytes[1 << 20];
	struct seeded_figures f = {0};
	unsigned failed = 0;

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct text_writer report = text_writer_on(bytes, sizeof(bytes));

		if (!seeded_run(seed, &report, &f)) {
			printf("%.*s", (int)report.len, bytes);
			failed++;
			if (!getenv("ADIEU_SOAK_GO_ON"))
				break;
		}
	}
	printf("%llu calls, %llu messages, %llu BYEs of the server (%llu never answered), %llu "
	       "releases, %u seeds failed\n",
	       (unsigned long long)f.calls, (unsigned long long)f.messages,
	       (unsigned long long)f.byes, (unsigned long long)f.timed_out,
	       (unsigned long long)f.releases, failed);
	return failed != 0;
}
