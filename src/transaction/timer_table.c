#include "transaction/timer_table.h"

#include <stddef.h>

/* clang-format off */
/* Core values of TS 24.229 table 7.7.1; the UE side of a P-CSCF would use 2 s, 16 s and 17 s. */
const struct timer_row timer_table[TIMER_NAMES] = {
	[TIMER_T1] = {"T1", "t1", TIMER_T1, 1, 500, 10, 60000, false, "RFC 3261 §17.1.1.1", "estimate of the round trip"},
	[TIMER_T2] = {"T2", "t2", TIMER_T2, 1, 4000, 10, 240000, false, "RFC 3261 §17.1.2.2", "longest interval between retransmissions"},
	[TIMER_T4] = {"T4", "t4", TIMER_T4, 1, 5000, 10, 240000, false, "RFC 3261 §17.1.2.2", "how long a message may live in the network"},
	[TIMER_A] = {"A", NULL, TIMER_T1, 1, 0, 0, 0, true, "RFC 3261 §17.1.1.2", "first INVITE retransmission, then doubled"},
	[TIMER_B] = {"B", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 3261 §17.1.1.2", "INVITE without any response"},
	[TIMER_C] = {"C", "timer_c", TIMER_C, 1, 181000, 180001, 3600000, false, "RFC 3261 §16.6 step 11", "proxied INVITE without a final response: more than 3 minutes"},
	[TIMER_D] = {"D", "timer_d", TIMER_D, 1, 33000, 32001, 600000, true, "RFC 3261 §17.1.1.2", "absorbing retransmitted non-2xx responses: more than 32 s"},
	[TIMER_E] = {"E", NULL, TIMER_T1, 1, 0, 0, 0, true, "RFC 3261 §17.1.2.2", "first retransmission of a non-INVITE request, then doubled up to T2"},
	[TIMER_F] = {"F", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 3261 §17.1.2.2", "non-INVITE request without a final response"},
	[TIMER_G] = {"G", NULL, TIMER_T1, 1, 0, 0, 0, true, "RFC 3261 §17.2.1", "first retransmission of a non-2xx response to INVITE, then doubled up to T2"},
	[TIMER_H] = {"H", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 3261 §17.2.1", "waiting for the ACK of a non-2xx response"},
	[TIMER_I] = {"I", NULL, TIMER_T4, 1, 0, 0, 0, true, "RFC 3261 §17.2.1", "absorbing retransmitted ACKs"},
	[TIMER_J] = {"J", NULL, TIMER_T1, 64, 0, 0, 0, true, "RFC 3261 §17.2.2", "answering retransmitted non-INVITE requests"},
	[TIMER_K] = {"K", NULL, TIMER_T4, 1, 0, 0, 0, true, "RFC 3261 §17.1.2.2", "absorbing retransmitted responses"},
	[TIMER_L] = {"L", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 6026 §7.1", "absorbing retransmitted INVITEs after a 2xx was sent"},
	[TIMER_M] = {"M", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 6026 §7.2", "taking further 2xx responses after the first"},
	[TIMER_N] = {"N", NULL, TIMER_T1, 64, 0, 0, 0, false, "RFC 6665 §4.1.2.4", "a subscription waiting for its first NOTIFY; a proxy runs none"},
};
/* clang-format on */

static void derive(struct timer_values *values)
{
	for (int i = 0; i < TIMER_NAMES; i++)
		if (timer_table[i].base != (enum transaction_timer_name)i)
			values->ms[i] = timer_table[i].factor * values->ms[timer_table[i].base];
	/* D has to outlive the retransmissions of the peer's response, which T1 stretches. */
	if (values->ms[TIMER_D] <= values->ms[TIMER_H])
		values->ms[TIMER_D] = values->ms[TIMER_H] + 1000;
}

struct timer_values timer_values_default(void)
{
	struct timer_values values;

	for (int i = 0; i < TIMER_NAMES; i++)
		values.ms[i] = timer_table[i].default_ms;
	derive(&values);
	return values;
}

bool timer_values_set(struct timer_values *values, enum transaction_timer_name name, uint32_t ms)
{
	const struct timer_row *row = &timer_table[name];

	if (!row->configuration_key || ms < row->min_ms || ms > row->max_ms)
		return false;
	values->ms[name] = ms;
	derive(values);
	return true;
}
