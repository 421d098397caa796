/* TS 24.237 §12.3.1, §12.7  An INVITE that transfers: due to STN-SR, due to ATU-STI, for an additional session */
#include "node/legs.h"

#include "roles/sccas/users.h"
#include "sip/sdp.h"

static bool is_one_of(struct text uri_text, const struct text *list, unsigned n)
{
	struct sip_uri uri, other;

	if (!sip_uri_parse(uri_text, &uri))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (sip_uri_parse(list[i], &other) && sip_uri_equal(&uri, &other))
			return true;
	return false;
}

static bool is_number_of(struct text uri, const struct text *numbers, unsigned n)
{
	char bytes[32];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	if (!sccas_number_of(uri, &w))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (text_equal(numbers[i], text_written(&w)))
			return true;
	return false;
}

/* @req SV-1 SV-5 */
enum transfer_request transfer_request_of(const struct node *node, const struct sip_message *m)
{
	const struct sccas_settings *s = &node->settings->sccas;

	if (is_number_of(m->request_uri, s->stn_sr, s->n_stn_sr))
		return TRANSFER_REQUEST_STN_SR;
	if (is_one_of(m->request_uri, s->atu_sti, s->n_atu_sti))
		return TRANSFER_REQUEST_ATU_STI;
	if (s->additional_session.len && is_one_of(m->request_uri, &s->additional_session, 1))
		return TRANSFER_REQUEST_ADDITIONAL;
	return TRANSFER_REQUEST_NOT;
}

/* ---------------------------------------------------------------- which session */

/* @req SV-4
 * Target-Dialog: Call-ID;local-tag=...;remote-tag=... (RFC 4538 §7). false: malformed. */
static bool parse_target_dialog(struct text value, struct text *ret_call_id, struct text tags[2])
{
	uint32_t end = text_find(value, ';');
	struct text params = text_from(value, end);

	*ret_call_id = text_trim((struct text){value.at, end});
	return ret_call_id->len && sip_param(params, TEXT("local-tag"), &tags[0]) &&
	       sip_param(params, TEXT("remote-tag"), &tags[1]) && tags[0].len && tags[1].len;
}

/* @req SV-7  What the party of this message can do, by the feature tags of its Contact. */
struct sccas_features leg_features_of(const struct sip_message *m)
{
	struct sccas_features features = {0};
	struct sip_list list = sip_list_of(m, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct text value;

	if (!sip_list_next(&list, &value) || !sip_name_addr_parse(value, &address))
		return features;
	features.alerting = sip_param(address.params, TEXT("+g.3gpp.srvcc-alerting"), &value);
	features.pre_alerting =
		sip_param(address.params, TEXT("+g.3gpp.ps2cs-srvcc-orig-pre-alerting"), &value);
	features.mid_call = sip_param(address.params, TEXT("+g.3gpp.mid-call"), &value);
	return features;
}

/* @req SV-6 SV-51 */
static struct anchored_session *preferred_of_user(const struct node *node, struct text c_msisdn,
						  enum transfer_request kind)
{
	struct sccas_features msc = leg_features_of(&node->message);

	struct anchored_session *a = anchored_first_of_user(node, c_msisdn), *best = NULL;

	for (; a; a = anchored_at(node, a->next_of_user))
		if ((kind != TRANSFER_REQUEST_ADDITIONAL || a->is_kept) &&
		    sccas_is_transferable(a, &node->settings->sccas, msc) &&
		    (!best || sccas_is_preferred(a, best)))
			best = a;
	return best;
}

/* @req SV-3 SV-8b */
static const struct sccas_user *find_user(const struct node *node, bool *ret_is_named)
{
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_P_ASSERTED_IDENTITY);
	const struct sccas_user *user = NULL;
	struct text value;

	*ret_is_named = false;
	while (!user && sip_list_next(&list, &value)) {
		char bytes[32];
		struct text_writer number = text_writer_on(bytes, sizeof(bytes));
		struct sip_name_addr address;

		if (!sip_name_addr_parse(value, &address))
			continue;
		*ret_is_named |= sccas_number_of(address.uri, &number);
		user = sccas_user_by_c_msisdn(node->settings->sccas.users, address.uri);
		if (!user)
			user = sccas_user_by_identity(node->settings->sccas.users, address.uri);
	}
	return user;
}

/* @req SV-2 SV-8
 * NULL: *ret_why says why. */
static struct anchored_session *find_session(struct node *node, enum transfer_request kind,
					     const struct sccas_user *user, bool is_named,
					     enum transfer_refusal *ret_why)
{
	const struct sip_message *m = &node->message;
	const struct sip_field *dialog = sip_first(m, SIP_HEADER_TARGET_DIALOG);
	struct text call_id, tags[2];
	struct anchored_session *a;

	*ret_why = is_named ? REFUSED_UNKNOWN_USER : REFUSED_NO_NUMBER;
	if (!user)
		return NULL;
	*ret_why = dialog ? REFUSED_NOT_THAT_SESSION : REFUSED_NO_SESSION;
	if (!dialog)
		return preferred_of_user(node, user->c_msisdn, kind);
	if (!parse_target_dialog(dialog->value, &call_id, tags)) {
		*ret_why = REFUSED_BAD_TARGET_DIALOG;
		return NULL;
	}
	a = anchored_of_dialog(node, call_id, tags[0], tags[1]);
	/* Only the user's own sessions are his to move. */
	if (!a || !text_equal(text_of(a->c_msisdn), user->c_msisdn) ||
	    !sccas_is_transferable(a, &node->settings->sccas, leg_features_of(m)))
		return NULL;
	return a;
}

/* ---------------------------------------------------------------- the target leg */

static bool begin_target_leg(struct node *node, struct anchored_session *a, struct leg *leg)
{
	const struct sip_message *m = &node->message;
	uint8_t number = leg->number;
	struct text_writer local = text_writer_on(node->scratch, LIMIT_FIELD_BYTES);
	struct text_writer routes =
		text_writer_on(node->scratch + LIMIT_FIELD_BYTES, LIMIT_ROUTE_SET_BYTES);
	struct text texts[LEG_TEXTS] = {
		[LEG_CALL_ID] = m->call_id,
		[LEG_LOCAL] = leg_put_local(node, m->to, &local),
		[LEG_REMOTE] = m->from,
		[LEG_TARGET] = leg_contact_of(m),
	};

	if (!leg_put_route_set(m, &routes))
		return false;
	texts[LEG_ROUTES] = text_written(&routes);
	if (leg->state != LEG_UNUSED) /* of an earlier transfer */
		anchored_unindex_leg(node, a, leg);
	leg_clear(leg, node->session_store);
	*leg = (struct leg){.number = number,
			    .is_calling = true,
			    .state = LEG_INVITED,
			    .peer_invite_cseq = m->cseq};
	leg_request_in_order(leg, m->cseq);
	if (!leg_set_texts(leg, node->session_store, texts) || !anchored_index_leg(node, a, leg)) {
		leg_clear(leg, node->session_store);
		*leg = (struct leg){.number = number};
		return false;
	}
	return true;
}

/* docs/adr/0031: the ACK of a 2xx that the UE owes is this server's from now on. */
static void transfer_signalling(struct node *node, struct session *session,
				struct leg_actions *actions)
{
	struct leg_place remote = leg_place_of(node, session, REMOTE_LEG, 0);

	if (remote.leg->ack_due)
		leg_take_over_ack(node, &remote);
	sccas_transfer_of_signalling(remote.anchored, node->now_ms, actions);
}

static void transfer(struct node *node, struct arrival *arrival, enum transfer_request kind,
		     struct anchored_session *a)
{
	struct session *session = session_at(node, a->session);
	struct leg_place at = leg_place_of(node, session, TARGET_ACCESS_LEG, 0);
	struct leg_actions actions = {.n = 0};
	struct server_transaction *server;

	if (!begin_target_leg(node, a, at.leg)) {
		arrival_answer_503(node, arrival);
		return;
	}
	server = server_begin(node, &node->message, &arrival->key, arrival->source, arrival->local);
	if (!server) {
		at.leg->state = LEG_OVER;
		arrival_answer_503(node, arrival);
		return;
	}
	server->is_of_leg = true;
	server->session = a->session;
	server->side = TARGET_ACCESS_LEG;
	at.leg->invite = pool_handle(node->servers, server);
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = at.leg->number,
						.to = LEG_SERVER,
						.method = SIP_INVITE,
						.cseq = node->message.cseq,
						.clause = CLAUSE_STN_SR});
	node->counters.transfers++;
	a->msc = leg_features_of(&node->message);
	a->was_active = a->speech == SDP_SPEECH_BOTH_WAYS;
	a->is_kept = false;
	if (kind == TRANSFER_REQUEST_ATU_STI && a->legs[REMOTE_LEG].state == LEG_ESTABLISHED &&
	    sccas_remote_leg_is_free(a) &&
	    sdp_is_same(sip_session_description(&node->message),
			leg_text(&a->legs[SOURCE_ACCESS_LEG], LEG_REMOTE_SDP)))
		transfer_signalling(node, session, &actions);
	else
		sccas_transfer(a, node->now_ms, node->settings->timers.ms[TIMER_T1], &actions);
	carry_out_legs(node, session, &actions);
	anchored_step_done(node, session);
}

/* @req AS-2c  What is required of this server itself and not known here; empty: nothing. */
static struct text put_unsupported(const struct sip_message *m, struct text_writer *w)
{
	static const struct text known[] = {TEXT("100rel"), TEXT("timer"), TEXT("tdialog")};
	struct sip_list list = sip_list_of(m, SIP_HEADER_REQUIRE);
	struct text value;

	while (sip_list_next(&list, &value)) {
		bool is_known = false;

		for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= text_equal_nocase(value, known[i]);
		if (is_known)
			continue;
		text_put(w, w->len ? TEXT(", ") : TEXT("Unsupported: "));
		text_put(w, value);
	}
	if (w->len)
		text_put_literal(w, "\r\n");
	return text_written(w);
}

static unsigned status_of(const struct node *node, enum transfer_refusal why)
{
	switch (why) {
	case REFUSED_UNSUPPORTED: return 420;
	case REFUSED_NO_SPEECH: return 488;
	case REFUSED_NO_CONTACT:
	case REFUSED_NO_NUMBER:
	case REFUSED_BAD_TARGET_DIALOG: return 400;
	case REFUSED_UNKNOWN_USER: return node->settings->sccas.unknown_user_status;
	case REFUSED_NO_SESSION:
	case REFUSED_NOT_THAT_SESSION:
	case REFUSED_LATE: break;
	}
	return 480;
}

/* @req SV-8  In a transaction, so that what is repeated is answered alike and the ACK finds its place. */
static void refuse(struct node *node, struct arrival *arrival, enum transfer_refusal why,
		   const struct sccas_user *user, struct text lines)
{
	unsigned status = status_of(node, why);
	struct server_transaction *server =
		server_begin(node, &node->message, &arrival->key, arrival->source, arrival->local);

	transfer_refused(node, arrival, why, status, user);
	if (server)
		server_answer(node, server, status, (struct text){0}, lines);
	else
		arrival_answer_503(node, arrival);
}

void transfer_request(struct node *node, struct arrival *arrival, enum transfer_request kind)
{
	struct text sdp = sip_session_description(&node->message), unsupported;
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES);
	bool is_named;
	const struct sccas_user *user = find_user(node, &is_named);
	enum transfer_refusal why;
	struct anchored_session *a;

	unsupported = put_unsupported(&node->message, &lines);
	if (unsupported.len)
		refuse(node, arrival, REFUSED_UNSUPPORTED, user, unsupported);
	else if (!leg_contact_of(&node->message).len)
		refuse(node, arrival, REFUSED_NO_CONTACT, user, (struct text){0});
	else if (!sdp.len || sdp_speech_of(sdp) == SDP_NO_SPEECH)
		refuse(node, arrival, REFUSED_NO_SPEECH, user, (struct text){0});
	else if ((a = find_session(node, kind, user, is_named, &why)))
		transfer(node, arrival, kind, a);
	else
		refuse(node, arrival, why, user, (struct text){0});
}
