/* What crossed the wire, as the journal of its session has it. A response is written down where it is sent
 * (server_send), so that none is missing and none is there that was not sent; a request by who sends it. */
#include "node/legs.h"

#include "sip/chars.h"

#include <assert.h>

/* ---------------------------------------------------------------- legs and records */

/* The calling side of a passage behind an application server is that server. */
static uint8_t leg_in_journal(const struct node *node, const struct session *session, uint8_t leg)
{
	const struct service_passage *passage = passage_of(node, session);

	return passage && leg == LEG_CALLING ? passage->calling_leg : leg;
}

static struct journal *journal_of(const struct node *node, const struct session *session)
{
	return &session_first(node, session)->journal;
}

static uint32_t age_ms(const struct node *node, const struct session *session)
{
	uint64_t age = node->now_ms - session_first(node, session)->began_ms;

	return age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

static void count_again(struct journal_record *record, bool came)
{
	if (came && record->came_again < JOURNAL_AGAIN_MAX)
		record->came_again = (record->came_again + 1u) & JOURNAL_AGAIN_MAX;
	if (!came && record->went_again < JOURNAL_AGAIN_MAX)
		record->went_again = (record->went_again + 1u) & JOURNAL_AGAIN_MAX;
}

/* The latest request between this server and that leg; `came`: from there. */
static struct journal_record *find_request(struct journal *journal, uint8_t leg, unsigned method,
					   uint32_t cseq, bool came)
{
	struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_back(journal, i)); i++) {
		uint32_t number = !came && r->cseq_onward ? r->cseq_onward : r->cseq;

		if (r->kind == JOURNAL_REQUEST && r->method == method && number == cseq &&
		    (came ? r->from : r->to) == leg)
			return r;
	}
	return NULL;
}

static void add(struct node *node, struct session *session, struct journal_record record)
{
	record.at_ms = age_ms(node, session);
	journal_add(journal_of(node, session), node->session_store, record);
}

static_assert(N_CLAUSES <= 128, "a bit for each in struct session");

/* A decision, not each message that follows from it: once in a session. */
static void count_clause(struct node *node, struct session *session, enum session_clause clause)
{
	uint64_t *counted = &session_first(node, session)->clauses_counted[clause / 64];
	uint64_t bit = UINT64_C(1) << clause % 64;

	node->counters.clauses[clause] += !(*counted & bit);
	*counted |= bit;
}

void session_journal(struct node *node, struct session *session, struct journal_record record)
{
	struct journal_record *before;

	record.from = leg_in_journal(node, session, record.from);
	record.to = leg_in_journal(node, session, record.to);
	count_clause(node, session, (enum session_clause)record.clause);
	/* An ACK of a 2xx has no transaction: that it is one more of the same only its number shows. */
	if (record.kind == JOURNAL_REQUEST && record.method == SIP_ACK &&
	    (before = find_request(journal_of(node, session),
				   record.from == LEG_SERVER ? record.to : record.from, SIP_ACK,
				   record.cseq, record.from != LEG_SERVER)) &&
	    before->from == record.from && before->to == record.to) {
		if (record.from != LEG_SERVER)
			count_again(before, true);
		if (record.to != LEG_SERVER)
			count_again(before, false);
		return;
	}
	add(node, session, record);
}

/* ---------------------------------------------------------------- Reason */

static enum journal_reason reason_of(struct text protocol)
{
	for (enum journal_reason reason = REASON_SIP; reason < REASON_OTHER; reason++)
		if (text_equal_nocase(protocol, text_of(journal_reason_name(reason))))
			return reason;
	return REASON_OTHER;
}

/* Of several the one of SIP is shown, else the first. */
static void note_value(struct journal_record *record, struct text value)
{
	const char *end = value.at + value.len, *stop = sip_skip(value.at, end, SIP_CHAR_TOKEN);
	enum journal_reason reason = reason_of(text_between(value.at, stop));
	struct text cause;
	uint32_t number;

	if (stop == value.at || record->reason == REASON_SIP ||
	    (record->reason != REASON_NONE && reason != REASON_SIP))
		return;
	record->reason = (uint8_t)reason;
	record->cause = 0;
	if (sip_param(text_between(stop, end), TEXT("cause"), &cause) &&
	    text_to_u32(cause, UINT16_MAX, &number))
		record->cause = (uint16_t)number;
}

struct journal_record journal_with_reason(struct journal_record record, const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_REASON);
	struct text value;

	while (sip_list_next(&list, &value))
		note_value(&record, value);
	return record;
}

struct journal_record journal_with_reason_lines(struct journal_record record, struct text lines)
{
	while (lines.len) {
		uint32_t len = text_find(lines, '\r');
		struct text line = {lines.at, len}, value;

		lines = text_from(lines, len + 2 < lines.len ? len + 2 : lines.len);
		if (!text_starts_with_nocase(line, TEXT("Reason: ")))
			continue;
		line = text_from(line, 8);
		while (sip_text_list_next(&line, &value))
			note_value(&record, value);
	}
	return record;
}

/* ---------------------------------------------------------------- responses that go out */

/* false: its lane is not known any more. */
static bool leg_of_server(struct node *node, const struct server_transaction *server,
			  struct session *session, uint8_t *ret_leg)
{
	const struct dialog *dialog = dialog_at(node, server->dialog);

	*ret_leg = leg_in_journal(node, session, LEG_CALLING);
	if (server->is_of_leg) {
		if (!anchored_of(node, session))
			return false;
		*ret_leg = leg_place_of(node, session, server->side, 0).leg->number;
	} else if (server->side == SIDE_CALLED) {
		if (!dialog)
			return false;
		*ret_leg = dialog->leg;
	}
	return true;
}

static bool answers(const struct journal_record *r, const struct server_transaction *server,
		    unsigned status)
{
	return r->kind == JOURNAL_RESPONSE && r->method == server->method && r->status == status;
}

/* It came in this step, and goes on now: one arrow through both. */
static bool is_relayed(const struct journal_record *r, const struct server_transaction *server,
		       uint32_t at_ms)
{
	return r->at_ms == at_ms && r->note == NOTE_ABSORBED && r->from != LEG_SERVER &&
	       (server->is_of_leg || r->cseq == server->cseq);
}

void journal_response_sent(struct node *node, const struct server_transaction *server,
			   unsigned status)
{
	struct session *session = session_at(node, server->session);
	struct journal_record record = {.kind = JOURNAL_RESPONSE,
					.method = server->method,
					.status = (uint16_t)status,
					.cseq = server->cseq},
			      *r;
	uint32_t at_ms;

	if (!session || !leg_of_server(node, server, session, &record.to))
		return;
	at_ms = age_ms(node, session);
	for (unsigned i = 0; (r = journal_record_back(journal_of(node, session), i)); i++) {
		if (r->at_ms != at_ms && status < 200)
			break;
		if (!answers(r, server, status))
			continue;
		if (is_relayed(r, server, at_ms)) {
			r->to = record.to;
			r->note = NOTE_NONE;
			r->cseq_onward = server->cseq == r->cseq ? 0 : server->cseq;
			return;
		}
		/* Whoever decided it has written it down, or it is one more of the same. */
		if (r->to == record.to &&
		    (r->cseq_onward ? r->cseq_onward : r->cseq) == server->cseq)
			return;
	}
	if (status == 100)
		record.clause =
			server->machine.is_invite ? CLAUSE_TRYING : CLAUSE_TRYING_NON_INVITE;
	else if (status >= 300 && server->machine.is_invite && !server->is_of_leg)
		record.clause = CLAUSE_BEST_RESPONSE;
	add(node, session, record);
}

/* ---------------------------------------------------------------- requests sent again */

static uint8_t leg_of_client(const struct node *node, const struct client_transaction *client)
{
	const struct dialog *dialog = dialog_at(node, client->dialog);
	enum dialog_side toward = client->owner == CLIENT_OF_RELEASE
					  ? (enum dialog_side)client->side
					  : dialog_other_side((enum dialog_side)client->side);

	if (client->is_initial_invite || client->owner == CLIENT_OF_LEG || !dialog)
		return client->leg;
	return toward == SIDE_CALLED ? dialog->leg : LEG_CALLING;
}

void journal_request_again(struct node *node, const struct client_transaction *client)
{
	const struct client_transaction *of =
		client->owner == CLIENT_OF_CANCEL ? pool_at(node->clients, client->owned) : client;
	struct session *session = of ? session_at(node, of->session) : NULL;
	struct journal_record *r;

	if (!session)
		return;
	r = find_request(journal_of(node, session),
			 leg_in_journal(node, session, leg_of_client(node, of)), client->method,
			 client->cseq, false);
	if (r)
		count_again(r, false);
}

void journal_request_came_again(struct node *node, const struct server_transaction *server)
{
	struct session *session = session_at(node, server->session);
	struct journal_record *r;
	uint8_t leg;

	if (!session || !leg_of_server(node, server, session, &leg))
		return;
	r = find_request(journal_of(node, session), leg, server->method, server->cseq, true);
	if (r)
		count_again(r, true);
}

void journal_cancel_too_late(struct node *node, const struct server_transaction *invite)
{
	struct session *session = session_at(node, invite->session);
	struct journal_record record = {.kind = JOURNAL_REQUEST,
					.method = SIP_CANCEL,
					.cseq = node->message.cseq,
					.note = NOTE_ABSORBED};

	if (session && leg_of_server(node, invite, session, &record.from))
		session_journal(node, session, journal_with_reason(record, &node->message));
}

/* ---------------------------------------------------------------- a server that failed */

void journal_server_failed(struct node *node, struct session *session,
			   const struct client_transaction *client, unsigned status,
			   enum session_clause clause)
{
	struct journal_record *last = journal_record_back(journal_of(node, session), 0);

	count_clause(node, session, clause);
	if (last && last->kind == JOURNAL_OUTCOME && last->to == client->leg &&
	    last->method == client->method && last->at_ms == age_ms(node, session)) {
		last->clause = (uint8_t)clause; /* that it was silent, or out of reach */
		return;
	}
	add(node, session,
	    (struct journal_record){.kind = JOURNAL_OUTCOME,
				    .to = client->leg,
				    .method = client->method,
				    .status = (uint16_t)status,
				    .cseq = client->cseq,
				    .clause = (uint8_t)clause});
}
