/* A registrar without a node, for tests that speak REGISTER to it: bindings, time, and what was answered. */
#ifndef TEST_ROLES_REGISTERING_H
#define TEST_ROLES_REGISTERING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "roles/scscf/scscf.h"

#define TIMER_KIND 3u
#define KNOWN_MS   (600000ull * 1000)

struct registrar {
	struct store *store;
	struct timers timers;
	struct bindings bindings;
	struct scscf_surroundings around;
	uint64_t now_ms;
	struct sip_message request;
	char bytes[20000];
	char lines[REGISTER_LINES_BYTES_MAX],
		changes[REGISTER_CHANGES_MAX * BINDING_LINE_BYTES_MAX];
	struct text lines_text, changes_text;
	struct scscf_register_result result;
	struct scscf_register_arrival arrival;
	struct endpoint source;
};

static const struct text registering_domains[] = {TEXT("ims.example"), TEXT("other.example")};

static inline void registrar_open(struct registrar *r, uint32_t bindings_max)
{
	memset(r, 0, sizeof(*r));
	r->now_ms = 1000000;
	r->store = store_open(1 << 24);
	timers_init(&r->timers, r->now_ms);
	assert_true(bindings_open(&r->bindings, bindings_max, r->store, &r->timers, TIMER_KIND,
				  (struct hash_key){{1, 2}}));
	r->around = (struct scscf_surroundings){
		.domains = registering_domains,
		.n_domains = 2,
		.registration_default_s = 3600,
		.registration_min_s = 60,
		.registration_max_s = 600000,
		.bindings = &r->bindings,
	};
	r->arrival = (struct scscf_register_arrival){
		.source = &r->source,
		.from_trusted = true,
		.service_route = TEXT("<sip:127.0.0.1:5060;lr;orig>"),
	};
}

static inline void registrar_close(struct registrar *r)
{
	bindings_close(&r->bindings);
	assert_int_equal(store_blocks(r->store), 0);
	assert_int_equal(r->timers.n_running, 0);
	store_close(r->store);
}

/* Time passes; bindings run out. */
static inline void pass(struct registrar *r, uint64_t ms)
{
	struct timer *timer;

	r->now_ms += ms;
	while ((timer = timers_expired(&r->timers, r->now_ms))) {
		assert_int_equal(timer->kind, TIMER_KIND);
		bindings_expired(&r->bindings, timer, r->now_ms, KNOWN_MS);
	}
}

/* A REGISTER of `user`; `lines`: Contact, Expires, Path ... each with \n. */
static inline unsigned try_register(struct registrar *r, const char *user, const char *call_id,
				    unsigned cseq, const char *lines)
{
	struct text_writer out = text_writer_on(r->lines, sizeof(r->lines));
	struct text_writer changes = text_writer_on(r->changes, sizeof(r->changes));
	char text[18000];
	size_t n = 0;

	snprintf(text, sizeof(text),
		 "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		 "127.0.0.1:6000;branch=z9hG4bK%s-%u\nFrom: <%s>;tag=f\nTo: <%s>\n"
		 "Call-ID: %s\nCSeq: %u REGISTER\n%sContent-Length: 0\n\n",
		 call_id, cseq, user, user, call_id, cseq, lines);
	for (const char *c = text; *c; c++) {
		if (*c == '\n')
			r->bytes[n++] = '\r';
		r->bytes[n++] = *c;
	}
	assert_int_equal(sip_parse(&r->request, r->bytes, n, SIP_DATAGRAM), SIP_OK);
	r->arrival.now_ms = r->now_ms;
	scscf_register(&r->around, &r->request, &r->arrival, &out, &changes, &r->result);
	assert_false(out.full || changes.full);
	r->lines_text = text_written(&out);
	r->changes_text = text_written(&changes);
	return r->result.status;
}

static inline unsigned register_bob(struct registrar *r, const char *call_id, unsigned cseq,
				    const char *lines)
{
	return try_register(r, "sip:bob@ims.example", call_id, cseq, lines);
}

static inline bool says(const struct registrar *r, const char *line)
{
	return memmem(r->lines_text.at, r->lines_text.len, line, strlen(line)) != NULL;
}

static inline unsigned count_lines(const struct registrar *r, const char *beginning)
{
	unsigned n = 0;
	struct text rest = r->lines_text;

	while (rest.len) {
		n += text_starts_with_nocase(rest, text_of(beginning));
		rest = text_from(rest, text_find(rest, '\n') + 1);
	}
	return n;
}

/* Contacts that are there, the contactless entry apart. */
static inline unsigned contacts_of(const struct registrar *r, const char *user, bool *ret_known)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(&r->bindings, text_of(user), list,
				      LIMIT_CONTACTS_OF_USER + 1),
		 with = 0;

	for (unsigned i = 0; i < n; i++)
		with += binding_text(list[i], BINDING_CONTACT).len > 0;
	if (ret_known)
		*ret_known = n > 0;
	return with;
}

#define BOB "sip:bob@ims.example"

#endif
