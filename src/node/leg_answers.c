/* What requests of ours on legs are answered: RFC 3261 §13.2.2, §12.1.2; and what its absence means. */
#include "node/legs.h"

#include "sip/sdp.h"

/* It came; where it goes on to, server_send() notes. */
static void journal_response(struct node *node, const struct leg_place *from,
			     const struct client_transaction *client)
{
	session_journal(node, from->session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = from->leg->number,
						.to = LEG_SERVER,
						.method = client->method,
						.status = node->message.status,
						.cseq = node->message.cseq,
						.note = NOTE_ABSORBED});
}

/* ---------------------------------------------------------------- dialogs */

/* @req SC-10  The peer's Contact, and while the dialog is being made its route set. */
static void refresh_leg(struct node *node, struct leg *leg, bool is_initial)
{
	const struct sip_message *m = &node->message;
	struct text_writer routes = text_writer_on(node->scratch, LIMIT_ROUTE_SET_BYTES);
	struct text target = leg_contact_of(m);
	bool is_kept = true;

	if (target.len)
		is_kept = leg_set_text(leg, node->session_store, LEG_TARGET, target);
	if (is_initial && leg_put_route_set(m, &routes))
		is_kept &=
			leg_set_text(leg, node->session_store, LEG_ROUTES, text_written(&routes));
	if (is_initial)
		is_kept &= leg_set_text(leg, node->session_store, LEG_REMOTE, m->to);
	if (!is_kept)
		node->counters.lost_memory++;
}

/* A further early dialog of the called leg. NULL: a bound was reached. */
static struct leg *begin_fork(struct node *node, struct anchored_session *a, const struct leg *leg)
{
	struct text texts[LEG_TEXTS];
	struct leg *fork;

	if (!a->forks)
		a->forks = store_take(node->session_store, LIMIT_FORKS * sizeof(struct leg));
	if (!a->forks || a->n_forks == LIMIT_FORKS)
		return NULL;
	for (unsigned i = 0; i < LEG_TEXTS; i++)
		texts[i] = leg_text(leg, (enum leg_text)i);
	texts[LEG_REMOTE] = node->message.to;
	texts[LEG_LOCAL_SDP] = texts[LEG_REMOTE_SDP] = (struct text){0};
	fork = &a->forks[a->n_forks];
	*fork = *leg;
	fork->texts = (struct packed_text){0};
	fork->has_remote_cseq = false;
	fork->offer_in = fork->offer_out = NO_HANDLE;
	memset(fork->passing, 0, sizeof(fork->passing));
	if (!leg_set_texts(fork, node->session_store, texts))
		return NULL;
	a->n_forks++;
	return fork;
}

/* A 2xx for which there is no place left takes that of an early dialog. */
static bool replace_last_fork(struct node *node, struct anchored_session *a)
{
	struct leg *fork = a->n_forks ? &a->forks[a->n_forks - 1] : NULL;

	if (!fork || a->n_forks < LIMIT_FORKS || fork->state != LEG_EARLY ||
	    !leg_set_text(fork, node->session_store, LEG_REMOTE, node->message.to))
		return false;
	fork->has_remote_cseq = false;
	return true;
}

/* The dialog that this response to our initial INVITE belongs to. false: it cannot be kept. */
static bool fork_of_response(struct node *node, struct leg_place *at)
{
	struct text tag = node->message.to_tag;
	struct anchored_session *a = at->anchored;

	at->fork = 0;
	at->leg = &a->legs[at->which];
	if (!leg_remote_tag(at->leg).len || text_equal(leg_remote_tag(at->leg), tag))
		return true;
	for (uint8_t i = 0; i < a->n_forks; i++)
		if (text_equal(leg_remote_tag(&a->forks[i]), tag)) {
			*at = leg_place_of(node, at->session, at->which, i + 1u);
			return true;
		}
	if (!begin_fork(node, a, at->leg) &&
	    !(sip_is_2xx(node->message.status) && replace_last_fork(node, a)))
		return false;
	*at = leg_place_of(node, at->session, at->which, a->n_forks);
	return true;
}

/* The fork that answered is the leg from now on. */
static void take_fork(struct leg_place *at)
{
	struct anchored_session *a = at->anchored;
	struct leg *leg = &a->legs[at->which], *fork = &a->forks[at->fork - 1];
	struct leg other = *leg;

	fork->state = leg->state;
	fork->invite_out = leg->invite_out;
	fork->offer_out = leg->offer_out;
	fork->local_cseq = leg->local_cseq > fork->local_cseq ? leg->local_cseq : fork->local_cseq;
	*leg = *fork;
	*fork = other;
	at->fork = 0;
	at->leg = leg;
}

/* And the calling leg has the tag that belongs to it. */
static void choose_fork(struct node *node, struct leg_place *at, struct leg *calling)
{
	const struct leg *fork = &at->anchored->forks[at->fork - 1];
	char bytes[LIMIT_FIELD_BYTES + 16];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put(&w, leg_text(calling, LEG_LOCAL));
	text_put_char(&w, '-');
	text_put_u64(&w, at->fork);
	if (w.full || !leg_set_text(calling, node->session_store, LEG_LOCAL, text_written(&w)))
		node->counters.lost_memory++;
	if (fork->calling_cseq)
		calling->remote_cseq = fork->calling_cseq;
	if (leg_text(fork, LEG_REMOTE_SDP).len &&
	    !leg_set_text(calling, node->session_store, LEG_LOCAL_SDP,
			  leg_text(fork, LEG_REMOTE_SDP)))
		node->counters.lost_memory++;
	take_fork(at);
}

/* ---------------------------------------------------------------- descriptions */

static struct text sdp_of_request(struct node *node, const char *request, uint32_t len)
{
	if (!request || sip_parse(&node->other, request, len, SIP_DATAGRAM) != SIP_OK)
		return (struct text){0};
	return sip_session_description(&node->other);
}

static void keep_sdp(struct node *node, struct leg *leg, enum leg_text which, struct text sdp)
{
	if (sdp.len && !leg_set_text(leg, node->session_store, which, sdp))
		node->counters.lost_memory++;
}

/* A request passed from one leg to another and its answer back: both have agreed on what was in them. */
static void descriptions_agreed(struct node *node, const struct leg_place *to, struct leg *from,
				const struct client_transaction *client,
				const struct server_transaction *server, struct text sent_back)
{
	keep_sdp(node, to->leg, LEG_LOCAL_SDP,
		 sdp_of_request(node, client->request, client->request_len));
	keep_sdp(node, to->leg, LEG_REMOTE_SDP, sip_session_description(&node->message));
	if (from) {
		if (server)
			keep_sdp(node, from, LEG_REMOTE_SDP,
				 sdp_of_request(node, server->request, server->request_len));
		keep_sdp(node, from, LEG_LOCAL_SDP, sent_back);
	}
	anchored_speech_agreed(node, to->anchored);
}

/* The description in a response that passes back, as that leg has to see it. */
static struct text answer_for(struct node *node, const struct leg *from,
			      const struct server_transaction *server, const struct leg_place *to,
			      struct text_writer *w)
{
	struct text sdp = sip_session_description(&node->message), offer;

	if (!to->anchored->is_moved || !sdp.len)
		return (struct text){0};
	offer = sdp_of_request(node, server->request, server->request_len);
	/* A 2xx that offers keeps the streams that the dialog has (RFC 3264 §8). @req SV-20 */
	if (offer.len ? sdp_put_moved_answer(w, sdp, offer, leg_text(from, LEG_LOCAL_SDP))
		      : sdp_put_moved_offer(w, sdp, leg_text(from, LEG_LOCAL_SDP),
					    LIMIT_STREAMS_OF_LEG))
		return text_written(w);
	return (struct text){0};
}

/* ---------------------------------------------------------------- session timer */

void leg_note_interval(struct node *node, const struct leg_place *at, uint32_t seconds,
		       bool peer_refreshes)
{
	at->leg->expires_s = seconds;
	at->session->expires_s = seconds;
	at->anchored->expires_at_ms = seconds ? node->now_ms + (uint64_t)seconds * 1000 : 0;
	at->anchored->refresh_at_ms = seconds ? node->now_ms + (uint64_t)seconds * 500 : 0;
	at->anchored->access_refreshes = peer_refreshes == (at->which != REMOTE_LEG);
}

/* @req RF-13b  RFC 4028 §7.2, §10: the 2xx says; both legs have the same interval. */
static void note_interval(struct node *node, const struct leg_place *to, struct leg *from)
{
	struct text value = sip_value(&node->message, SIP_HEADER_SESSION_EXPIRES), refresher;
	bool peer_refreshes;
	uint32_t seconds;

	if (!text_to_u32(session_interval_digits(value), 0x7fffffff, &seconds))
		seconds = 0;
	peer_refreshes =
		sip_param(text_from(value, text_find(value, ';')), TEXT("refresher"), &refresher) &&
		text_equal_nocase(refresher, TEXT("uas"));
	leg_note_interval(node, to, seconds, peer_refreshes);
	if (from)
		from->expires_s = seconds;
}

/* ---------------------------------------------------------------- responses that pass */

static void pass_back(struct node *node, const struct leg_place *from, const struct leg_place *to,
		      struct server_transaction *server, struct text body)
{
	leg_answer(node, server, to,
		   &(struct leg_response){.status = node->message.status,
					  .passing = &node->message,
					  .body = body,
					  .fork = from->fork});
}

static void provisional(struct node *node, struct client_transaction *client, struct leg_place *at,
			struct server_transaction *server)
{
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_place to;
	struct text sdp = {0};

	if (client->cancel_wanted) {
		client->cancel_wanted = false;
		client_cancel(node, client,
			      (struct text){client->cancel_lines, client->cancel_lines_len});
	}
	if (client->method == SIP_INVITE && !client->is_cancelled &&
	    (client->is_initial_invite || leg_is_alive(at->leg)))
		client->timer_c_at_ms = node->now_ms + node->settings->timers.ms[TIMER_C];
	if (node->message.status == 100 || client->method != SIP_INVITE || !server ||
	    server->has_final || at->leg->state == LEG_ENDING)
		return;
	if (client->is_initial_invite && node->message.to_tag.len) {
		if (!fork_of_response(node, at))
			return;
		at->leg->state = LEG_EARLY;
		refresh_leg(node, at->leg, true);
	}
	if (at->which == SOURCE_ACCESS_LEG && leg_contact_of(&node->message).len)
		at->anchored->ue = leg_features_of(&node->message);
	if (at->anchored->transfer !=
	    TRANSFER_NONE) { /* it concerns an access that is being left */
		if (at->which == REMOTE_LEG)
			leg_remote_party_rings(node, at);
		return;
	}
	if (node->message.status == 180)
		at->anchored->is_ringing = true;
	to = leg_place_of(node, at->session, server->side, 0);
	if (to.leg->state == LEG_INVITED && node->message.to_tag.len)
		to.leg->state = LEG_EARLY;
	sdp = answer_for(node, to.leg, server, at, &body);
	if (sip_session_description(&node->message).len && at->fork == 0) {
		descriptions_agreed(node, at, to.leg, client, server,
				    sdp.len ? sdp : sip_session_description(&node->message));
	} else if (sip_session_description(&node->message).len) {
		keep_sdp(node, at->leg, LEG_LOCAL_SDP,
			 sdp_of_request(node, client->request, client->request_len));
		keep_sdp(node, at->leg, LEG_REMOTE_SDP, sip_session_description(&node->message));
	}
	if (sip_session_description(&node->message).len && leg_reliable_sequence(&node->message))
		to.leg->answer_unacked = to.leg->has_reliable_answer = true;
	pass_back(node, at, &to, server, sdp);
}

/* RC-8: a 2xx of a dialog that nobody wants. */
static void acknowledge_and_release(struct node *node, struct leg_place *at)
{
	struct leg *leg = &at->anchored->legs[at->which];

	if (at->fork && leg->state == LEG_ENDING && !leg->bye_is_out)
		take_fork(at); /* it has outlived our CANCEL */
	refresh_leg(node, at->leg, true);
	at->leg->invite_cseq = node->message.cseq;
	leg_send_ack(node, at, node->message.cseq, (struct text){0}, NULL, NULL);
	/* @req RC-8b */
	if (!at->leg->bye_is_out && at->leg->state != LEG_OVER)
		leg_send_bye(node, at, CLAUSE_LATE_2XX);
}

static void established(struct node *node, struct leg_place *at, struct leg_place *to,
			struct server_transaction *server)
{
	struct session *session = at->session;

	at->leg->state = to->leg->state = LEG_ESTABLISHED;
	at->leg->ack_due = true;
	to->leg->invite = NO_HANDLE;
	to->leg->unacked_cseq = to->leg->peer_invite_cseq;
	to->leg->answered = pool_handle(node->servers, server);
	to->leg->ack_passes_on = true;
	session->answered_after_ms = (uint32_t)(node->now_ms - session->began_ms) + 1;
	node->counters.sessions_answered++;
	session_set_state(node, session, SESSION_ANSWERED);
}

/* @req SV-28b  The UE answered: what the CS user has now, or what is not settled yet. */
static void source_party_answered(struct node *node, struct leg_place *at)
{
	if (!sccas_source_party_answered(at->anchored)) {
		acknowledge_and_release(node, at);
		return;
	}
	if (at->fork)
		take_fork(at);
	at->leg->state = LEG_ESTABLISHED;
	keep_sdp(node, at->leg, LEG_REMOTE_SDP, sip_session_description(&node->message));
	leg_send_ack(node, at, at->leg->invite_cseq, (struct text){0}, NULL, NULL);
}

/* @req SV-29 SV-30  Not for the UE, which has left or is leaving. */
static bool answered_while_transferred(struct node *node, struct leg_place *at,
				       const struct client_transaction *client)
{
	struct leg *target = &at->anchored->legs[TARGET_ACCESS_LEG];
	struct leg_actions actions = {.n = 0};
	bool is_another = at->fork != 0;

	if (at->anchored->transfer != TRANSFER_NONE && at->which == SOURCE_ACCESS_LEG) {
		source_party_answered(node, at);
		return true;
	}
	if (at->anchored->transfer == TRANSFER_NONE && !at->anchored->hold_until_ms)
		return false;
	if (is_another) {
		if (target->state == LEG_EARLY) { /* a dialog of its own for the MSC server too */
			choose_fork(node, at, target);
			at->anchored->progress_is_reliable = false;
		} else {
			take_fork(at);
		}
		keep_sdp(node, at->leg, LEG_LOCAL_SDP,
			 sdp_of_request(node, client->request, client->request_len));
	}
	at->leg->state = LEG_ESTABLISHED;
	keep_sdp(node, at->leg, LEG_REMOTE_SDP, sip_session_description(&node->message));
	note_interval(node, at, NULL);
	sccas_remote_party_answered(at->anchored, is_another, &actions);
	at->session->answered_after_ms = (uint32_t)(node->now_ms - at->session->began_ms) + 1;
	node->counters.sessions_answered++;
	session_set_state(node, at->session, SESSION_ANSWERED);
	leg_send_ack(node, at, at->leg->invite_cseq, (struct text){0}, NULL, NULL);
	carry_out_legs(node, at->session, &actions);
	return true;
}

/* The first 2xx makes the session; what other forks say after it is released (RC-8). */
static void success_of_initial_invite(struct node *node, struct client_transaction *client,
				      struct leg_place *at, struct server_transaction *server)
{
	struct leg *leg = at->leg;
	struct leg_place to;

	if (leg->state == LEG_ESTABLISHED &&
	    text_equal(leg_remote_tag(leg), node->message.to_tag)) {
		to = leg_place_of(node, at->session,
				  at->which == REMOTE_LEG ? SOURCE_ACCESS_LEG : REMOTE_LEG, 0);
		if (!leg->ack_due) /* ours was lost */
			leg_take_over_ack(node, at);
		else if (server)
			pass_back(node, at, &to, server, (struct text){0});
		return;
	}
	if (!fork_of_response(node, at))
		return;
	if (leg->state != LEG_EARLY &&
	    leg->state != LEG_INVITED) { /* given up, or another has it */
		acknowledge_and_release(node, at);
		return;
	}
	refresh_leg(node, at->leg, true);
	if (answered_while_transferred(node, at, client))
		return;
	if (!server || server->has_final) {
		acknowledge_and_release(node, at);
		return;
	}
	to = leg_place_of(node, at->session, server->side, 0);
	if (at->fork)
		choose_fork(node, at, to.leg);
	descriptions_agreed(node, at, to.leg, client, server,
			    sip_session_description(&node->message));
	established(node, at, &to, server);
	note_interval(node, at, to.leg);
	pass_back(node, at, &to, server, (struct text){0});
}

static void success_in_dialog(struct node *node, struct client_transaction *client,
			      struct leg_place *at, struct server_transaction *server)
{
	struct text_writer body =
		text_writer_on(node->scratch + SCRATCH_BYTES / 2, SCRATCH_BYTES / 2);
	bool refreshes = sip_method_refreshes_target((enum sip_method)client->method);
	struct leg_place to = {0};
	struct text sdp;

	if (refreshes)
		refresh_leg(node, at->leg, false);
	if (!server || server->has_final) { /* refused meanwhile: nobody acknowledges it but us */
		if (refreshes) /* what comes next on this leg continues what it has agreed to */
			descriptions_agreed(node, at, NULL, client, NULL, (struct text){0});
		if (client->method == SIP_INVITE)
			leg_send_ack(node, at, client->cseq, (struct text){0}, NULL, NULL);
		return;
	}
	to = leg_place_of(node, at->session, server->side, server->fork);
	if (refreshes && server->request &&
	    sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) == SIP_OK &&
	    leg_contact_of(&node->other).len &&
	    !leg_set_text(to.leg, node->session_store, LEG_TARGET, leg_contact_of(&node->other)))
		node->counters.lost_memory++;
	sdp = answer_for(node, to.leg, server, at, &body);
	descriptions_agreed(node, at, to.leg, client, server,
			    sdp.len ? sdp : sip_session_description(&node->message));
	if (refreshes)
		note_interval(node, at, to.leg);
	if (client->method == SIP_INVITE) {
		at->leg->ack_due = true;
		to.leg->unacked_cseq = to.leg->peer_invite_cseq;
		to.leg->answered = pool_handle(node->servers, server);
		to.leg->ack_passes_on = true;
	}
	pass_back(node, at, &to, server, sdp);
}

/* ---------------------------------------------------------------- failures */

/* true: that is between this leg and us, and does not pass on. */
static bool initial_invite_failed(struct node *node, struct leg_place *at,
				  struct server_transaction *server, unsigned status)
{
	struct anchored_session *a = at->anchored;
	struct leg_actions actions = {.n = 0};
	struct leg_place to;

	at->leg = &a->legs[at->which];
	at->leg->state = LEG_OVER;
	at->leg->outcome = LEG_ANSWERED;
	at->leg->bye_status = (uint16_t)status;
	at->session->end_status = (uint16_t)status;
	if (at->which == SOURCE_ACCESS_LEG &&
	    sccas_source_leg_failed(a, &node->settings->sccas, status == 500 || status == 503,
				    node->now_ms, &actions)) {
		carry_out_legs(node, at->session, &actions);
		return true;
	}
	if (server && !server->has_final) {
		to = leg_place_of(node, at->session, server->side, 0);
		to.leg->state = LEG_OVER;
	}
	sccas_release_all(a, CLAUSE_BEST_RESPONSE, (uint16_t)status, &actions);
	carry_out_legs(node, at->session, &actions);
	return false;
}

/* A 481 or nothing to a request that keeps the dialog: it is gone (RFC 5057 §5.1). @req RC-11 */
static void leg_lost(struct node *node, struct leg_place *at, unsigned status)
{
	struct leg_actions actions = {.n = 0};

	if (at->anchored->is_ending || !leg_is_alive(at->leg))
		return;
	if (status == 481) { /* after a 408 it gets a BYE (RFC 3261 §12.2.1.2) */
		at->leg->state = LEG_OVER;
		at->leg->outcome = LEG_TIMED_OUT;
	}
	sccas_release_all(at->anchored, CLAUSE_LOST_DIALOG, 480, &actions);
	carry_out_legs(node, at->session, &actions);
}

/* docs/adr/0027: the same loss of the access as a BYE (503) tells of, seen in another order. The party whose request
 * it was must not lose its dialog for that: 491. false: it ends the session. */
static bool source_leg_lost(struct node *node, struct leg_place *at,
			    struct server_transaction *server)
{
	struct anchored_session *a = at->anchored;
	struct leg_actions actions = {.n = 0};
	struct leg_place from;

	if (at->which != SOURCE_ACCESS_LEG || a->is_ending || !leg_is_alive(at->leg) ||
	    !sccas_survives_loss_of_source(a, &node->settings->sccas))
		return false;
	at->leg->state = LEG_OVER;
	at->leg->outcome = LEG_TIMED_OUT;
	if (server && !server->has_final) {
		from = leg_place_of(node, at->session, server->side, server->fork);
		leg_answer(node, server, &from, &(struct leg_response){.status = 491});
	}
	sccas_source_leg_released(a, &node->settings->sccas, true, node->now_ms, &actions);
	carry_out_legs(node, at->session, &actions);
	return true;
}

static bool shows_lost(const struct client_transaction *client, const struct leg *leg,
		       unsigned status)
{
	/* An early dialog ends with its INVITE. */
	return (status == 481 || status == 408) && !client->is_initial_invite && !client->fork &&
	       leg->state == LEG_ESTABLISHED &&
	       (client->method == SIP_INVITE || client->method == SIP_UPDATE);
}

/* ---------------------------------------------------------------- our own requests */

static uint32_t again_after_ms(struct node *node, const struct leg *leg)
{
	/* @req RF-21  RFC 3261 §14.1: 2.1 to 4 s for whose Call-ID it is, else up to 2 s, in steps of 10 ms */
	return leg->is_calling ? 10u * random_below(&node->random, 201)
			       : 2100u + 10u * random_below(&node->random, 191);
}

static void update_answered(struct node *node, struct client_transaction *client,
			    struct leg_place *at, unsigned status)
{
	struct leg_actions actions = {.n = 0};

	bool took_no_speech = false;

	if (sip_is_2xx(status)) {
		took_no_speech =
			sip_session_description(&node->message).len &&
			sdp_speech_of(sip_session_description(&node->message)) == SDP_NO_SPEECH;
		refresh_leg(node, at->leg, false);
		descriptions_agreed(node, at, NULL, client, NULL, (struct text){0});
		note_interval(node, at, NULL);
		if (client->method == SIP_INVITE)
			leg_send_ack(node, at, client->cseq, (struct text){0}, NULL, NULL);
	} else if (status == 481 && at->leg->state == LEG_ESTABLISHED) {
		/* An early one still has its INVITE; after a 408 it gets a BYE (RFC 3261 §12.2.1.2). */
		at->leg->state = LEG_OVER;
		at->leg->outcome = LEG_TIMED_OUT;
	}
	if (took_no_speech)
		sccas_update_took_no_speech(at->anchored, &node->settings->sccas, node->now_ms,
					    &actions);
	else
		sccas_update_answered(at->anchored, &node->settings->sccas, status, node->now_ms,
				      again_after_ms(node, at->leg), &actions);
	carry_out_legs(node, at->session, &actions);
}

/* @req RF-13d */
static void refresh_answered(struct node *node, struct leg_place *at, unsigned status)
{
	if (sip_is_2xx(status)) {
		refresh_leg(node, at->leg, false);
		note_interval(node, at, NULL);
	} else if (status == 481 || status == 408) {
		leg_lost(node, at, status);
	} else { /* again soon */
		at->anchored->refresh_at_ms = node->now_ms + at->leg->expires_s * 125u;
	}
}

static void bye_answered(struct node *node, struct client_transaction *client, struct leg_place *at,
			 unsigned status, enum leg_outcome outcome)
{
	if (outcome == LEG_ANSWERED)
		node->counters.byes_answered++;
	else if (outcome == LEG_TIMED_OUT)
		node->counters.byes_timed_out++;
	else
		node->counters.byes_transport_failed++;
	if (client->fork || at->leg->state != LEG_ENDING) {
		if (status)
			journal_response(node, at, client);
		return;
	}
	at->leg->state = LEG_OVER;
	at->leg->outcome = (uint8_t)outcome;
	at->leg->bye_status = (uint16_t)status;
	session_journal(node, at->session,
			(struct journal_record){
				.kind = JOURNAL_OUTCOME,
				.from = LEG_SERVER,
				.to = at->leg->number,
				.method = SIP_BYE,
				.status = (uint16_t)status,
				.clause = sip_is_2xx(status) ? CLAUSE_LEG_BYE_ANSWERED
							     : CLAUSE_BYE_ANSWER_COUNTS,
				.note = outcome == LEG_TIMED_OUT          ? NOTE_TIMEOUT
					: outcome == LEG_TRANSPORT_FAILED ? NOTE_TRANSPORT_FAILED
									  : NOTE_NONE,
			});
}

/* ---------------------------------------------------------------- front door */

/* A 2xx with this tag came already. */
static bool has_answered(const struct leg *leg, struct text tag)
{
	return text_equal(leg_remote_tag(leg), tag) &&
	       (leg->state >= LEG_ESTABLISHED || leg->bye_is_out);
}

static bool is_own_update(const struct client_transaction *client)
{
	return !handle_is_set(client->owned) &&
	       (client->method == SIP_INVITE || client->method == SIP_UPDATE);
}

static bool find_place(struct node *node, const struct client_transaction *client,
		       struct leg_place *ret)
{
	struct session *session = session_at(node, client->session);

	if (!session || session->state == SESSION_ENDED || !anchored_of(node, session))
		return false;
	*ret = leg_place_of(node, session, client->side, client->fork);
	return true;
}

/* No offer is under way any more by this request. */
static void offer_done(struct node *node, const struct client_transaction *client,
		       struct leg_place *at, struct server_transaction *server)
{
	struct leg_place from;

	if (handle_equal(at->leg->offer_out, client_handle(node, client)))
		at->leg->offer_out = NO_HANDLE;
	if (!server)
		return;
	from = leg_place_of(node, at->session, server->side, server->fork);
	if (handle_equal(from.leg->offer_in, pool_handle(node->servers, server)))
		from.leg->offer_in = NO_HANDLE;
}

static struct server_transaction *server_of(struct node *node,
					    const struct client_transaction *client)
{
	return pool_at(node->servers, client->owned);
}

static void failure(struct node *node, struct client_transaction *client, struct leg_place *at,
		    struct server_transaction *server, unsigned status)
{
	struct leg_place to;

	if (client->is_initial_invite && initial_invite_failed(node, at, server, status))
		return;
	if (shows_lost(client, at->leg, status) && source_leg_lost(node, at, server))
		return;
	if (server && !server->has_final) {
		to = leg_place_of(node, at->session, server->side, server->fork);
		/* RFC 3261 §16.8: cancelled for Timer C, and not by the caller. */
		if (status == 487 && client->is_cancelled && !server->is_cancelled)
			leg_answer(node, server, &to, &(struct leg_response){.status = 408});
		else
			pass_back(node, at, &to, server, (struct text){0});
	}
	if (shows_lost(client, at->leg, status))
		leg_lost(node, at, status);
}

/* For the journal: no 100, no BYE, whose answer is an outcome, and nothing that came before. */
static bool is_news(const struct client_transaction *client, const struct leg_place *at,
		    const struct sip_message *m)
{
	const struct anchored_session *a = at->anchored;

	if (m->status == 100 || client->method == SIP_BYE)
		return false;
	if (m->status < 200 || client->final_status == 0)
		return true;
	if (!client->is_initial_invite || has_answered(&a->legs[at->which], m->to_tag))
		return false;
	for (unsigned i = 0; i < a->n_forks; i++)
		if (has_answered(&a->forks[i], m->to_tag))
			return false;
	return true;
}

/* @req RC-4 RC-3b RC-9a  The session has ended meanwhile: a 2xx to an INVITE of ours is acknowledged all the
 * same, and a dialog that nobody knew of ends. */
static void acknowledge_late(struct node *node, const struct client_transaction *client)
{
	struct session *session = session_at(node, client->session);
	struct leg_place at;

	if (!session || !anchored_of(node, session) || client->method != SIP_INVITE ||
	    !sip_is_2xx(node->message.status))
		return;
	at = leg_place_of(node, session, client->side, client->fork);
	if (is_news(client, &at, &node->message))
		journal_response(node, &at, client);
	if (!client->is_initial_invite)
		leg_send_ack(node, &at, client->cseq, (struct text){0}, NULL, NULL);
	else if (fork_of_response(node, &at))
		acknowledge_and_release(node, &at);
}

/* Nobody else answers it any more: what it was passed on by has ended. */
static void answer_orphan(struct node *node, struct server_transaction *server)
{
	if (server && !server->has_final)
		server_answer(node, server, 487, (struct text){0}, (struct text){0});
}

void leg_request_answered(struct node *node, struct client_transaction *client)
{
	unsigned status = node->message.status;
	struct server_transaction *server = server_of(node, client);
	bool is_first = client->final_status == 0;
	struct leg_place at;

	if (!find_place(node, client, &at)) {
		acknowledge_late(node, client);
		if (status >= 200)
			answer_orphan(node, server);
		return;
	}
	if (is_news(client, &at, &node->message))
		journal_response(node, &at, client);
	if (status < 200) {
		provisional(node, client, &at, server);
		return;
	}
	client->final_status = (uint16_t)status;
	if (is_first && !client->is_initial_invite)
		offer_done(node, client, &at, server);
	else if (is_first)
		at.leg->invite_out = NO_HANDLE;
	if (client->method == SIP_BYE) {
		bye_answered(node, client, &at, status, LEG_ANSWERED);
	} else if (client->is_refresh) {
		refresh_answered(node, &at, status);
	} else if (is_own_update(client)) {
		if (is_first) {
			update_answered(node, client, &at, status);
		} else if (sip_is_2xx(status)) { /* our ACK was lost */
			leg_send_ack(node, &at, client->cseq, (struct text){0}, NULL, NULL);
		}
	} else if (!sip_is_2xx(status)) {
		failure(node, client, &at, server, status);
	} else if (client->is_initial_invite) {
		success_of_initial_invite(node, client, &at, server);
	} else if (is_first) {
		success_in_dialog(node, client, &at, server);
	} else if (client->method == SIP_INVITE) { /* a 2xx again */
		struct leg_place to = {0};

		if (!at.leg->ack_due || !server) {
			leg_send_ack(node, &at, client->cseq,
				     at.leg->ack_has_sdp ? leg_text(at.leg, LEG_LOCAL_SDP)
							 : (struct text){0},
				     NULL, NULL);
		} else {
			to = leg_place_of(node, at.session, server->side, server->fork);
			leg_answer(node, server, &to, &(struct leg_response){.status = status});
		}
	}
	anchored_step_done(node, at.session);
}

/* RFC 3261 §8.1.3.1: as a 408 or a 503. */
void leg_request_failed(struct node *node, struct client_transaction *client, unsigned status)
{
	struct server_transaction *server = server_of(node, client);
	struct leg_place at, to;

	if (client->final_status)
		return;
	if (!find_place(node, client, &at)) {
		answer_orphan(node, server);
		return;
	}
	client->final_status = (uint16_t)status;
	if (!client->is_initial_invite)
		offer_done(node, client, &at, server);
	else
		at.leg->invite_out = NO_HANDLE;
	if (client->method != SIP_BYE)
		session_journal(node, at.session,
				(struct journal_record){.kind = JOURNAL_OUTCOME,
							.from = LEG_SERVER,
							.to = at.leg->number,
							.method = client->method,
							.cseq = client->cseq,
							.clause = CLAUSE_BRANCH_TIMEOUT,
							.note = status == 503
									? NOTE_TRANSPORT_FAILED
									: NOTE_TIMEOUT});
	if (client->method == SIP_BYE) {
		bye_answered(node, client, &at, 0,
			     status == 503 ? LEG_TRANSPORT_FAILED : LEG_TIMED_OUT);
	} else if (client->is_refresh) {
		refresh_answered(node, &at, status);
	} else if (is_own_update(client)) {
		update_answered(node, client, &at, status);
	} else {
		if (client->is_initial_invite &&
		    initial_invite_failed(node, &at, server, status == 503 ? 500 : status))
			server = NULL;
		if (shows_lost(client, at.leg, status) && source_leg_lost(node, &at, server))
			server = NULL;
		if (server && !server->has_final) {
			to = leg_place_of(node, at.session, server->side, server->fork);
			/* @req RF-8  RFC 4320 §4.2 */
			if (server->method != SIP_INVITE && status == 408)
				server_stay_silent(node, server);
			else
				leg_answer(node, server, &to,
					   &(struct leg_response){
						   .status = status == 503 ? 500 : status});
		}
		if (shows_lost(client, at.leg, status))
			leg_lost(node, &at, status);
	}
	anchored_step_done(node, at.session);
}
