/* What the operator sets of the SCC AS. Texts live as long as the configuration. */
#ifndef ROLES_SCCAS_SETTINGS_H
#define ROLES_SCCAS_SETTINGS_H

#include "base/text.h"

#define SCCAS_NUMBERS_MAX 16u

struct sccas_users;

struct sccas_settings {
	const struct sccas_users
		*users; /* NULL: nobody is known, every session is anchored without transfer */
	/* Session Transfer Numbers for SR-VCC, "+4916000001" (TS 23.003 §18.6) */
	struct text stn_sr[SCCAS_NUMBERS_MAX];
	unsigned n_stn_sr;
	/* Access Transfer Update - Session Transfer Identifiers, URIs (TS 24.237 §12.7) */
	struct text atu_sti[SCCAS_NUMBERS_MAX];
	unsigned n_atu_sti;
	struct text
		additional_session; /* URI that the MSC server calls for a further session; empty: none */
	unsigned bye_hold_ms;       /* SV-43: 8 s; 0: no hold */
	unsigned source_release_delay_ms; /* SV-22: 8 s; 0: at once */
	unsigned unknown_user_status;     /* SV-8: 404 or 480 */
	bool hold_only_if_eligible;       /* SV-49 */
	bool hold_early;                  /* SV-53 */
	bool alerting, pre_alerting;      /* SV-7 */
	bool mid_call;                    /* SV-9 */
	bool test_forget_hold; /* tests only: the end of the hold releases the remote leg whatever came; the race explorer must find it */
};

/* The defaults of etc/adieu.yaml, nobody known. */
struct sccas_settings sccas_settings_default(void);

#endif
