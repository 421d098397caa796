/* The timers of RFC 3261 (table 4), with RFC 6026, in one table: unit, default, range and clause. */
#ifndef TRANSACTION_TIMER_TABLE_H
#define TRANSACTION_TIMER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum transaction_timer_name {
	TIMER_T1, /* set by the operator */
	TIMER_T2,
	TIMER_T4,
	TIMER_A, /* all others follow from these, but C and D may be set */
	TIMER_B,
	TIMER_C,
	TIMER_D,
	TIMER_E,
	TIMER_F,
	TIMER_G,
	TIMER_H,
	TIMER_I,
	TIMER_J,
	TIMER_K,
	TIMER_L,
	TIMER_M,
	TIMER_N,
	TIMER_NAMES,
};

struct timer_row {
	const char *name;
	const char *configuration_key;    /* NULL: follows from another */
	enum transaction_timer_name base; /* value = factor * base; itself for those that are set */
	uint32_t factor;
	uint32_t default_ms, min_ms, max_ms; /* for those that are set */
	bool zero_when_reliable;
	const char *clause;
	const char *meaning;
};

extern const struct timer_row timer_table[TIMER_NAMES];

/* The values in force. */
struct timer_values {
	uint32_t ms[TIMER_NAMES];
};

/* The defaults of the table. */
struct timer_values timer_values_default(void);
/* Sets one that may be set and derives the others. false: not settable or out of its range (nothing
 * is changed). */
bool timer_values_set(struct timer_values *values, enum transaction_timer_name name, uint32_t ms);

static inline uint32_t timer_value(const struct timer_values *v, enum transaction_timer_name name,
				   bool reliable)
{
	return reliable && timer_table[name].zero_when_reliable ? 0 : v->ms[name];
}

#endif
