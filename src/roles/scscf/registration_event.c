/* RFC 3680 §5  Registration information */
#include "roles/scscf/registration_event.h"

void registration_event_put_escaped(struct text_writer *w, struct text text)
{
	for (uint32_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		switch (c) {
		case '&': text_put_literal(w, "&amp;"); break;
		case '<': text_put_literal(w, "&lt;"); break;
		case '>': text_put_literal(w, "&gt;"); break;
		case '"': text_put_literal(w, "&quot;"); break;
		default: text_put_char(w, c < ' ' || c > '~' ? '?' : (char)c);
		}
	}
}

static void put_attribute(struct text_writer *w, const char *name, struct text value)
{
	text_put_char(w, ' ');
	text_put(w, text_of(name));
	text_put_literal(w, "=\"");
	registration_event_put_escaped(w, value);
	text_put_char(w, '"');
}

static void put_number(struct text_writer *w, const char *name, uint64_t n)
{
	char bytes[24];
	struct text_writer number = text_writer_on(bytes, sizeof(bytes));

	text_put_u64(&number, n);
	put_attribute(w, name, text_written(&number));
}

/* "c1f-2a": the same as long as the contact is there, also when it is refreshed. */
static void put_contact_id(struct text_writer *w, const struct bindings *bindings,
			   const struct binding *binding)
{
	struct handle handle = pool_handle(bindings->pool, binding);

	text_put_literal(w, " id=\"c");
	text_put_hex(w, handle.index);
	text_put_char(w, '-');
	text_put_hex(w, handle.generation);
	text_put_char(w, '"');
}

static void put_q(struct text_writer *w, const struct binding *binding)
{
	char bytes[8];
	struct text_writer q = text_writer_on(bytes, sizeof(bytes));

	if (!binding->has_q)
		return;
	text_printf(&q, "%u.%03u", binding->q / 1000u, binding->q % 1000u);
	put_attribute(w, "q", text_written(&q));
}

static void put_contact(struct text_writer *w, const struct bindings *bindings,
			const struct binding *binding, const char *event, uint64_t now_ms)
{
	struct text call_id = binding_text(binding, BINDING_CALL_ID);
	struct text instance = binding_text(binding, BINDING_INSTANCE);

	text_put_literal(w, "<contact");
	put_contact_id(w, bindings, binding);
	put_attribute(w, "state", binding->gone ? TEXT("terminated") : TEXT("active"));
	put_attribute(w, "event", text_of(event));
	if (!binding->gone && binding->expires_ms > now_ms)
		put_number(w, "expires", (binding->expires_ms - now_ms) / 1000);
	put_q(w, binding);
	if (call_id.len) {
		put_attribute(w, "callid", call_id);
		put_number(w, "cseq", binding->cseq);
	}
	text_put_literal(w, "><uri>");
	registration_event_put_escaped(w, binding_text(binding, BINDING_CONTACT));
	text_put_literal(w, "</uri>");
	if (instance.len) {
		text_put_literal(w, "<unknown-param name=\"+sip.instance\">");
		registration_event_put_escaped(w, instance);
		text_put_literal(w, "</unknown-param>");
	}
	text_put_literal(w, "</contact>\n");
}

void registration_event_put_gone(struct text_writer *w, const struct bindings *bindings,
				 const struct binding *binding)
{
	/* RFC 3680 §5.2.2.4, TS 24.229 §5.4.2.1.2 */
	static const char *const events[BINDINGS_GONE_WHYS] = {
		[BINDING_GONE_DEREGISTERED_BY_USER] = "unregistered",
		[BINDING_GONE_EXPIRED] = "expired",
		[BINDING_GONE_BY_OPERATOR] = "deactivated",
		[BINDING_GONE_REPLACED] = "unregistered",
		[BINDING_GONE_TAKEN_OUT] = "deactivated",
	};

	put_contact(w, bindings, binding, events[binding->gone], 0);
}

/* One element. An identity that the user named in its REGISTER is registered, the others of the set were
 * created with it (TS 24.229 §5.4.2.1.2). */
static void put_registration(struct text_writer *w, const struct scscf_surroundings *around,
			     struct text user, struct text identity, unsigned number,
			     struct text gone, uint64_t now_ms)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(around->bindings, user, list, LIMIT_CONTACTS_OF_USER + 1);
	bool is_active = scscf_is_registered(around, user);

	text_put_literal(w, "<registration");
	put_attribute(w, "aor", identity);
	put_number(w, "id", number);
	put_attribute(w, "state",
		      is_active  ? TEXT("active")
		      : gone.len ? TEXT("terminated")
				 : TEXT("init"));
	text_put_literal(w, ">\n");
	for (unsigned i = 0; i < n; i++) {
		struct text named = binding_text(list[i], BINDING_IDENTITY);

		if (binding_text(list[i], BINDING_CONTACT).len)
			put_contact(w, around->bindings, list[i],
				    text_equal(named.len ? named : user, identity) ? "registered"
										   : "created",
				    now_ms);
	}
	text_put(w, gone);
	text_put_literal(w, "</registration>\n");
}

/* @req RE-3 RE-6 */
void registration_event_put(struct text_writer *w, const struct scscf_surroundings *around,
			    struct text user, uint32_t version, struct text gone, uint64_t now_ms)
{
	const struct public_identity *main = subscribers_find(around->subscribers, user);
	const struct subscriber *s = main ? main->subscriber : NULL;
	struct text_writer trial;

	text_put_literal(w, "<?xml version=\"1.0\"?>\n<reginfo "
			    "xmlns=\"urn:ietf:params:xml:ns:reginfo\"");
	put_number(w, "version", version);
	text_put_literal(w, " state=\"full\">\n");
	trial = *w;
	trial.max = w->max < REGISTRATION_EVENT_BYTES_MAX ? w->max : REGISTRATION_EVENT_BYTES_MAX;
	if (!s)
		put_registration(&trial, around, user, user, 1, gone, now_ms);
	for (unsigned i = 0; s && i < s->n_identities && !trial.full; i++) {
		if (s->identities[i].is_barred || s->identities[i].wildcard)
			continue;
		put_registration(&trial, around, user, s->identities[i].user, i + 1, gone, now_ms);
		if (!trial.full)
			w->len = trial.len;
	}
	if (!s && !trial.full)
		w->len = trial.len;
	text_put_literal(w, "</reginfo>\n");
}
