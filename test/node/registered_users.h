/* Subscribers for the tests of the registrar: carol with a set of four identities and the application servers that
 * a test wants to hear of her registration, dave who is not registered, erin with a password, bob of wire.h. */
#ifndef TEST_NODE_REGISTERED_USERS_H
#define TEST_NODE_REGISTERED_USERS_H

#include "wire.h"

#include "node/registrar.h"

struct test_server {
	uint16_t port; /* 0: a host without an address */
	uint8_t types; /* REGISTRATION_…; 0: all */
	const char *information;
	bool request, response, terminates;
};

static struct subscribers *users_of_test;

static inline const struct service_profile *users_profile(struct test_server *servers, unsigned n)
{
	struct service_profile *profile = subscribers_take(users_of_test, sizeof(*profile));
	struct filter_criteria *criteria =
		subscribers_take(users_of_test, (n + 1) * sizeof(*criteria));
	struct service_point *points = subscribers_take(users_of_test, (n + 1) * sizeof(*points));
	uint16_t *group = subscribers_take(users_of_test, sizeof(*group));

	for (unsigned i = 0; i < n; i++) {
		char uri[64];

		if (servers[i].port)
			snprintf(uri, sizeof(uri), "sip:127.0.0.1:%u", servers[i].port);
		else
			snprintf(uri, sizeof(uri), "sip:as.nowhere.example");
		points[i] = (struct service_point){.kind = SERVICE_POINT_METHOD,
						   .method = TEXT("REGISTER"),
						   .registration_types = servers[i].types,
						   .n_groups = 1,
						   .groups = group};
		criteria[i] = (struct filter_criteria){
			.priority = i,
			.profile_part = PROFILE_PART_BOTH,
			.trigger = {.is_cnf = true, .n_points = 1, .points = &points[i]},
			.server = {.uri = subscribers_keep(users_of_test, text_of(uri)),
				   .service_information = text_of(servers[i].information),
				   .default_handling = servers[i].terminates ? SESSION_TERMINATED
									     : SESSION_CONTINUED,
				   .include_register_request = servers[i].request,
				   .include_register_response = servers[i].response},
		};
	}
	*profile = (struct service_profile){.n = n, .criteria = criteria};
	return profile;
}

static inline void users_add(const char *const *names, const struct service_profile *profile,
			     struct credentials credentials)
{
	struct subscriber *s = subscribers_take(users_of_test, sizeof(*s));
	struct public_identity *list = subscribers_take(users_of_test, 8 * sizeof(*list));
	struct text duplicate;

	for (unsigned i = 0; names[i]; i++, s->n_identities++)
		list[i] = (struct public_identity){.user = text_of(names[i]),
						   .is_barred = strstr(names[i], "barred") != NULL,
						   .profile = profile,
						   .subscriber = s};
	s->private_identity = TEXT("private@ims.example");
	s->identities = list;
	s->credentials = credentials;
	assert_int_equal(subscribers_add(users_of_test, s, &duplicate), SUBSCRIBERS_DONE);
}

static inline void users_open(struct test_server *servers, unsigned n)
{
	static const char *const carol[] = {"sip:barred@ims.example", "sip:carol@ims.example",
					    "tel:+1202", "sip:caroline@ims.example", NULL};
	static const char *const dave[] = {"sip:dave@ims.example", NULL};
	static const char *const erin[] = {"sip:erin@ims.example", NULL};
	static const char *const bob[] = {"sip:bob@ims.example", NULL};
	struct credentials none = {0};
	const struct service_profile *empty;

	users_of_test = subscribers_open();
	empty = users_profile(NULL, 0);
	users_add(carol, users_profile(servers, n), none);
	users_add(dave, empty, none);
	users_add(bob, empty, none);
	users_add(erin, empty,
		  (struct credentials){.kind = CREDENTIAL_PASSWORD,
				       .realm = TEXT("ims.example"),
				       .password = TEXT("secret")});
}

static inline void users_close(void)
{
	subscribers_close(users_of_test);
	users_of_test = NULL;
}

#endif
