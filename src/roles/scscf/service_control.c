/* TS 24.229 §5.4.3.2, §5.4.3.3  S-CSCF: when an application server fails */
#include "roles/scscf/service_control.h"

bool scscf_default_handling_applies(const struct service_passage *passage, unsigned status)
{
	return passage->at_server && !passage->called_back && !passage->was_heard &&
	       (status == 408 || (status >= 500 && status < 600));
}
