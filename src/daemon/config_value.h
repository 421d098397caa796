/* One value of the configuration, from its text into its place. */
#ifndef DAEMON_CONFIG_VALUE_H
#define DAEMON_CONFIG_VALUE_H

#include "daemon/config.h"

/* false: not valid, and nothing is changed. */
bool config_value_scalar(struct config *config, const struct config_row *row, struct text value);
/* One more entry of a list. */
bool config_value_item(struct config *config, const struct config_row *row, struct text value);
/* Stands this entry in the list already? */
bool config_value_is_twice(const struct config *config, const struct config_row *row,
			   struct text value);
/* Of a route: a name, or "*". */
bool config_value_is_domain(struct text value);
/* A listening point whose address is not that of one host: 0.0.0.0, a group. */
bool config_value_is_no_host(struct text value);
bool config_value_route(struct config *config, struct text domain, struct text next_hop);
/* A listening point whose address and port the other role has: a URI without transport would mean both. */
bool config_value_is_of_other_role(const struct config *config, const struct config_row *row,
				   struct text value);
void config_value_clear_list(struct config *config, const struct config_row *row);

/* udp:127.0.0.1:5060, tcp:[::1]:5060. */
bool config_value_endpoint(struct text value, struct endpoint *ret);
/* Milliseconds: 500ms, 4s, 2m, 1h, or a plain number of `plain_ms` each. */
bool config_value_duration(struct text value, uint32_t plain_ms, uint64_t *ret_ms);

#endif
