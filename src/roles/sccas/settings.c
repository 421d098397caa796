/* What holds when the operator says nothing, the same as in etc/adieu.yaml. @req SV-22 SV-43 */
#include "roles/sccas/settings.h"

struct sccas_settings sccas_settings_default(void)
{
	return (struct sccas_settings){
		.bye_hold_ms = 8000, /* TS 24.237 §12.3.3.2 NOTE */
		.source_release_delay_ms =
			8000, /* §12.3.1: the operator's; no value is given there */
		.unknown_user_status = 404,
		.hold_only_if_eligible = true,
		.hold_early = false,
		.alerting = true,
		.pre_alerting = true,
		.mid_call = true,
	};
}
