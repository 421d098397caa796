/* What each counter and gauge of `adieu counters` means. */
#ifndef DAEMON_COUNTERS_REFERENCE_H
#define DAEMON_COUNTERS_REFERENCE_H

#include <stdbool.h>
#include <stdio.h>

/* As text or, for adieu-counters(7), in the language of man(7). */
void counters_print_reference(FILE *out, bool as_manual);

#endif
