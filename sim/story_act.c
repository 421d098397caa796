/* What happens at a time: calls, requests, forgeries, and the operator's orders. */
#include "story_parts.h"

#include <assert.h>
#include <stdlib.h>

static const char *header_lines(struct story_line *line, unsigned from, char *ret, size_t max)
{
	const char *header;

	ret[0] = 0;
	while ((header = story_option(line, from, "header")))
		snprintf(ret + strlen(ret), max - strlen(ret), "%s\r\n", header);
	return ret;
}

/* ------------------------------------------------------------------ user agents */

struct story_calling {
	struct ue *ue;
	struct ue_invitation invitation;
	char uri[UE_URI], name[32], lines[1024];
	uint64_t times, every_ms;
};

static void call_once(void *self, uint64_t a, uint64_t b)
{
	struct story_calling *c = self;

	(void)a, (void)b;
	ue_invite(c->ue, &c->invitation);
	if (--c->times)
		world_at(c->ue->world, world_now(c->ue->world) + c->every_ms, call_once, c, NULL);
}

static void act_invite(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	struct story_calling *c = calloc(1, sizeof(*c));
	const char *name = story_option(line, from, "call");
	uint64_t max_forwards;

	s->callings = realloc(s->callings, (s->n_callings + 1) * sizeof(c));
	assert(c && s->callings);
	s->callings[s->n_callings++] = c;
	snprintf(c->uri, sizeof(c->uri), "%s", story_at(line, from));
	snprintf(c->name, sizeof(c->name), "%s", name ? name : "");
	header_lines(line, from, c->lines, sizeof(c->lines));
	max_forwards = story_number_option(s, line, from, "max-forwards", 70);
	c->ue = ue;
	c->invitation =
		(struct ue_invitation){.uri = c->uri,
				       .name = c->name,
				       .lines = c->lines,
				       .without_sdp = story_flag(line, from, "without-sdp"),
				       .supports_100rel = story_flag(line, from, "reliably"),
				       .session_expires_s = (uint32_t)story_number_option(
					       s, line, from, "session-expires", 0),
				       .max_forwards = max_forwards ? (int)max_forwards : -1};
	c->times = story_number_option(s, line, from, "times", 1);
	c->every_ms = story_number_option(s, line, from, "every", 10);
	call_once(c, 0, 0);
}

static void act_cancel(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	char lines[1024];
	uint32_t call = story_call(s, line, from, ue);
	bool done;

	if (call == UE_NONE)
		return;
	if (story_flag(line, from, "rudely"))
		done = ue_cancel_rudely(ue, call);
	else
		done = ue_cancel(ue, call, header_lines(line, from, lines, sizeof(lines)));
	if (!done)
		story_fail(s, line, "%s has nothing to cancel", ue->name);
}

static void act_hang_up(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	bool early = story_flag(line, from, "early"), all = story_flag(line, from, "all");
	uint32_t call = all ? UE_NONE : story_call(s, line, from, ue);

	for (uint32_t i = 0; all && i < ue->n_calls; i++)
		ue_hang_up(ue, i, early);
	if (!all && call != UE_NONE && !ue_hang_up(ue, call, early))
		story_fail(s, line, "%s has no dialog to end", ue->name);
}

static void act_send(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	char lines[1024];
	enum sip_method method = story_method(story_at(line, from));
	const char *to = story_option(line, from, "to");
	struct ue_dialog *dialog;
	uint32_t call;

	header_lines(line, from, lines, sizeof(lines));
	if (to) {
		ue_request_alone(ue, method, to, lines);
		return;
	}
	call = story_call(s, line, from, ue);
	dialog = call == UE_NONE ? NULL : ue_dialog_of_call(ue, call);
	if (!dialog ||
	    !ue_request(ue, dialog,
			&(struct ue_request_in_dialog){
				.method = method,
				.new_contact = story_option(line, from, "contact"),
				.with_sdp = method == SIP_INVITE
						    ? !story_flag(line, from, "without-sdp")
						    : story_flag(line, from, "with-sdp"),
				.lines = lines,
				.cseq = (uint32_t)story_number_option(s, line, from, "cseq", 0)}))
		story_fail(s, line, "%s has no dialog for that", ue->name);
}

static void act_register(struct story *s, struct story_line *line, unsigned from, struct ue *ue,
			 uint64_t expires_s)
{
	char lines[1024];

	expires_s = story_number_option(s, line, from, "expires", expires_s);
	ue_register(ue, story_option(line, from, "contact"), (uint32_t)expires_s,
		    header_lines(line, from, lines, sizeof(lines)));
}

/* mallory forges BYE of bob toward server [from-tag T] [to-tag T] [cseq N]: as if bob had sent it in his dialog. */
static void act_forge(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	const char *method = story_at(line, from), *of = story_option(line, from, "of");
	const char *from_tag = story_option(line, from, "from-tag");
	const char *to_tag = story_option(line, from, "to-tag");
	const char *call_id = story_option(line, from, "call-id");
	const char *toward = story_option(line, from, "toward");
	struct ue *victim = of ? story_ue(s, of) : NULL;
	struct ue_dialog *d =
		victim ? ue_dialog_of_call(victim, ue_call_named(victim, NULL)) : NULL;
	char buffer[4096];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct endpoint to;

	if (!d || !story_address(s, toward ? toward : "server", &to)) {
		story_fail(s, line, "nothing to forge");
		return;
	}
	text_printf(&w, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP ", method, d->remote_target);
	endpoint_put(&w, &ue->party.address);
	text_printf(&w, ";branch=z9hG4bK-forged-%u;rport\r\nMax-Forwards: 70\r\n", ue->n_drawn++);
	if (d->route_set[0])
		text_printf(&w, "Route: %s\r\n", d->route_set);
	text_printf(&w, "From: <%s>;tag=%s\r\nTo: <sip:x@ims.example>;tag=%s\r\n",
		    victim->address_of_record, from_tag ? from_tag : d->local_tag,
		    to_tag ? to_tag : d->remote_tag);
	text_printf(&w, "Call-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		    call_id ? call_id : d->call_id,
		    (unsigned)story_number_option(s, line, from, "cseq", d->local_cseq + 1),
		    method);
	world_send(s->world, &ue->party.address, &to, text_written(&w));
}

static void act_raw(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	struct endpoint to;
	const char *bytes = story_at(line, from), *toward = story_option(line, from, "toward");

	if (!story_address(s, toward ? toward : "server", &to)) {
		story_fail(s, line, "nobody is called so");
		return;
	}
	if (story_flag(line, from, "tcp"))
		to.transport = TRANSPORT_TCP;
	world_send(s->world, &ue->party.address, &to, text_of(bytes));
}

static bool act_party(struct story *s, struct story_line *line, unsigned from)
{
	struct ue *ue = story_ue(s, story_at(line, from));
	struct world_party *party = ue ? &ue->party : NULL;

	for (unsigned i = 0; i < s->n_relays; i++)
		if (strcmp(s->relays[i]->name, line->words[from]) == 0)
			party = &s->relays[i]->party;
	if (!party)
		return false;
	if (story_word(line, from + 1, "goes") && story_word(line, from + 2, "away"))
		party->away = true;
	else if (story_word(line, from + 1, "refuses") && story_word(line, from + 2, "streams"))
		party->refuses_streams = true;
	else if (story_word(line, from + 1, "refuses"))
		party->refuses_datagrams = party->refuses_streams = true;
	else if (story_word(line, from + 1, "comes") && story_word(line, from + 2, "back"))
		party->away = party->refuses_datagrams = party->refuses_streams = false;
	else
		return false;
	return true;
}

static bool act_ue(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	if (story_word(line, from + 1, "invites"))
		act_invite(s, line, from + 2, ue);
	else if (story_word(line, from + 1, "cancels"))
		act_cancel(s, line, from + 2, ue);
	else if (story_word(line, from + 1, "hangs") && story_word(line, from + 2, "up"))
		act_hang_up(s, line, from + 3, ue);
	else if (story_word(line, from + 1, "sends"))
		act_send(s, line, from + 2, ue);
	else if (story_word(line, from + 1, "registers"))
		act_register(s, line, from + 2, ue, 3600);
	else if (story_word(line, from + 1, "unregisters"))
		act_register(s, line, from + 2, ue, 0);
	else if (story_word(line, from + 1, "forges"))
		act_forge(s, line, from + 2, ue);
	else if (story_word(line, from + 1, "throws"))
		act_raw(s, line, from + 2, ue);
	else
		return false;
	return true;
}

/* ------------------------------------------------------------------ the operator */

static bool select_sessions(struct story *s, struct story_line *line, unsigned from,
			    struct world_server *server, struct node_release_order *order)
{
	const char *user = story_option(line, from, "user");
	const char *of = story_option(line, from, "session-of");
	struct ue *ue = of ? story_ue(s, of) : NULL;
	uint32_t call;

	if (story_flag(line, from, "all")) {
		order->selector = NODE_SELECT_ALL;
		return true;
	}
	if (user) {
		order->selector = NODE_SELECT_USER;
		order->user = text_of(user);
		return true;
	}
	if (!ue)
		return false;
	call = story_call(s, line, from, ue);
	if (call == UE_NONE)
		return false;
	order->selector = NODE_SELECT_SESSION;
	for (unsigned shard = 0; shard < server->settings.n_shards; shard++)
		if (node_session_by_call_id(server->shards[shard],
					    text_of(ue->calls[call]->call_id), &order->id))
			return true;
	story_fail(s, line, "the server knows no such session");
	return false;
}

static void give_order(struct story_order *kept, const struct node_release_order *order)
{
	struct world_server *server = kept->server;

	kept->verdict = NODE_RELEASE_UNKNOWN;
	for (unsigned shard = 0; shard < server->settings.n_shards; shard++) {
		enum node_release_verdict verdict;

		if (order->selector == NODE_SELECT_SESSION && order->id.shard != shard)
			continue;
		verdict = world_server_release(server, shard, order, &kept->numbers[shard]);
		if (verdict != NODE_RELEASE_ACCEPTED)
			kept->numbers[shard] = 0;
		kept->verdict = verdict;
	}
}

static void act_release(struct story *s, struct story_line *line, unsigned from,
			struct world_server *server)
{
	struct node_release_order order = {0};
	struct story_order *kept = &s->orders[s->n_orders];
	const char *name = story_option(line, from, "order"),
		   *text = story_option(line, from, "text");
	const char *expected = story_option(line, from, "is");
	static const char *const verdicts[] = {"accepted", "unknown", "ended", "busy", "invalid"};

	if (!select_sessions(s, line, from, server, &order)) {
		story_fail(s, line, "release all|user URI|session-of NAME [call NAME] ...");
		return;
	}
	s->n_orders++;
	*kept = (struct story_order){.server = server};
	snprintf(kept->name, sizeof(kept->name), "%s", name ? name : "");
	order.status = (uint16_t)story_number_option(s, line, from, "reason", 0);
	order.sessions_per_s = (uint32_t)story_number_option(s, line, from, "pace", 0);
	order.dry_run = story_flag(line, from, "dry-run");
	if (text)
		order.reason_text = text_of(text);
	give_order(kept, &order);
	if (strcmp(verdicts[kept->verdict], expected ? expected : "accepted") != 0)
		story_fail(s, line, "the order was %s", verdicts[kept->verdict]);
}

static void act_stop(struct story *s, struct story_line *line, unsigned from)
{
	const char *name = story_at(line, from);

	for (unsigned i = 0; i < s->n_orders; i++) {
		if (strcmp(s->orders[i].name, name) != 0)
			continue;
		for (unsigned shard = 0; shard < WORLD_SHARDS_MAX; shard++)
			if (s->orders[i].numbers[shard] &&
			    !node_release_stop(s->orders[i].server->shards[shard],
					       s->orders[i].numbers[shard]))
				story_fail(s, line, "the order could not be stopped");
	}
}

static bool act_operator(struct story *s, struct story_line *line, unsigned from)
{
	struct world_server *server = world_server_at(s->world, 0), *other;
	const char *on = story_option(line, from, "on");

	for (unsigned i = 0; on && (other = world_server_at(s->world, i)); i++)
		if (strcmp(other->name, on) == 0)
			server = other;
	if (story_word(line, from, "releases")) {
		act_release(s, line, from + 1, server);
	} else if (story_word(line, from, "stops")) {
		act_stop(s, line, from + 1);
	} else if (story_word(line, from, "drains")) {
		for (unsigned i = 0; i < server->settings.n_shards; i++)
			node_set_draining(server->shards[i], true);
	} else {
		return false;
	}
	return true;
}

bool story_act(struct story *s, struct story_line *line, unsigned from)
{
	struct ue *ue;

	if (story_word(line, from, "operator"))
		return act_operator(s, line, from + 1);
	ue = story_ue(s, story_at(line, from));
	if (ue && act_ue(s, line, from, ue))
		return true;
	return act_party(s, line, from);
}
