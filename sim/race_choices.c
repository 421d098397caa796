/* What may happen next in a run, and its happening. */
#include "race_parts.h"

/* ---------------------------------------------------------------- events */

static bool can_happen(const struct race_run *run, unsigned event)
{
	const struct race_event *e = &run->scenario->events[event];

	if (run->happened[event])
		return false;
	switch ((enum race_event_kind)e->kind) {
	case RACE_EVENT_UE_BYE: return race_peer_can_bye(&run->peers[RACE_UE], e->session);
	case RACE_EVENT_UE_REINVITE:
		return race_peer_can_reinvite(&run->peers[RACE_UE], e->session);
	case RACE_EVENT_STN_SR: return true;
	case RACE_EVENT_CANCEL: return race_peer_can_cancel(&run->peers[RACE_MSC], 0);
	case RACE_EVENT_REMOTE_BYE: return race_peer_can_bye(&run->peers[RACE_REMOTE], e->session);
	case RACE_EVENT_REMOTE_REINVITE:
		return race_peer_can_reinvite(&run->peers[RACE_REMOTE], e->session);
	case RACE_EVENT_REMOTE_REFUSES:
		return run->peers[RACE_REMOTE].dialogs[0].state == RACE_DIALOG_CONFIRMED;
	case RACE_EVENT_MSC_BYE: return race_peer_can_bye(&run->peers[RACE_MSC], 0);
	}
	return false;
}

static void send_stn_sr(struct race_run *run)
{
	static const struct race_invitation invitation = {
		.request_uri = "tel:+4916000001",
		.local_uri = "tel:+491711000001",
		.remote_uri = "tel:+4916000001",
		.lines = "Route: <sip:127.0.0.1:5070;lr>\r\n"
			 "P-Asserted-Identity: <tel:+491711000001>\r\n"
			 "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK\r\n",
	};

	race_peer_invite(&run->peers[RACE_MSC], run->now_ms, 0, &invitation);
}

static void happen(struct race_run *run, unsigned event)
{
	const struct race_event *e = &run->scenario->events[event];
	struct race_peer *peers = run->peers;

	if (run->trace)
		fprintf(run->trace, "%9.3f  # %s\n", (double)(run->now_ms - run->began_ms) / 1000,
			e->name);
	run->happened[event] = true;
	run->is_late = false;
	switch ((enum race_event_kind)e->kind) {
	case RACE_EVENT_UE_BYE:
		race_peer_bye(&peers[RACE_UE], run->now_ms, e->session, e->lines);
		break;
	case RACE_EVENT_UE_REINVITE:
		race_peer_reinvite(&peers[RACE_UE], run->now_ms, e->session, e->lines);
		break;
	case RACE_EVENT_STN_SR: send_stn_sr(run); break;
	case RACE_EVENT_CANCEL: race_peer_cancel(&peers[RACE_MSC], run->now_ms, 0); break;
	case RACE_EVENT_REMOTE_BYE:
		race_peer_bye(&peers[RACE_REMOTE], run->now_ms, e->session, e->lines);
		break;
	case RACE_EVENT_REMOTE_REINVITE:
		race_peer_reinvite(&peers[RACE_REMOTE], run->now_ms, e->session, e->lines);
		break;
	case RACE_EVENT_REMOTE_REFUSES: peers[RACE_REMOTE].refuses_next = true; break;
	case RACE_EVENT_MSC_BYE: race_peer_bye(&peers[RACE_MSC], run->now_ms, 0, e->lines); break;
	}
}
/* ---------------------------------------------------------------- choices */

static void offer(struct race_option *options, unsigned *n, enum race_option_kind kind,
		  unsigned what, unsigned cost)
{
	options[(*n)++] = (struct race_option){(uint8_t)kind, (uint8_t)what, (uint8_t)cost};
}

static void offer_messages(const struct race_run *run, struct race_option *options, unsigned *n)
{
	unsigned oldest = run->pending[run->order[0]].queue;

	offer(options, n, RACE_DELIVER, oldest, 0);
	for (unsigned queue = 0; queue < 2 * RACE_PEERS; queue++)
		if (queue != oldest && race_nth_of_queue(run, queue, 0) >= 0)
			offer(options, n, RACE_DELIVER, queue, 1);
	for (unsigned queue = 0; run->scenario->loses && !run->has_lost && queue < 2 * RACE_PEERS;
	     queue++)
		if (race_nth_of_queue(run, queue, 0) >= 0)
			offer(options, n, RACE_LOSE, queue, 1);
	for (unsigned queue = 0; run->scenario->reorders && queue < 2 * RACE_PEERS; queue++)
		if (race_nth_of_queue(run, queue, 1) >= 0)
			offer(options, n, RACE_OVERTAKE, queue, 1);
}

unsigned race_offer_all(const struct race_run *run, struct race_option *options)
{
	unsigned n = 0;
	bool busy = run->n_pending > 0;

	if (busy)
		offer_messages(run, options, &n);
	for (unsigned i = 0; i < RACE_EVENTS_MAX && run->scenario->events[i].name; i++)
		if (can_happen(run, i))
			offer(options, &n, RACE_EVENT, i, busy);
	if (busy ? run->now_ms < run->pending[run->order[0]].sent_ms + RACE_DELAY_MAX_MS
		 : !run->is_late)
		offer(options, &n, RACE_TIME, 0, busy);
	if (!busy && run->is_late)
		offer(options, &n, RACE_STOP, 0, 0);
	return n;
}

void race_carry_out(struct race_run *run, const struct race_option *option)
{
	switch ((enum race_option_kind)option->kind) {
	case RACE_DELIVER:
		race_deliver(run, (unsigned)race_nth_of_queue(run, option->what, 0));
		break;
	case RACE_OVERTAKE:
		race_deliver(run, (unsigned)race_nth_of_queue(run, option->what, 1));
		break;
	case RACE_LOSE: race_lose(run, (unsigned)race_nth_of_queue(run, option->what, 0)); break;
	case RACE_EVENT: happen(run, option->what); break;
	case RACE_TIME:
		race_let_time_pass(run, run->n_pending ? run->pending[run->order[0]].sent_ms +
								 RACE_DELAY_MAX_MS
						       : RACE_NEVER);
		break;
	case RACE_STOP: break;
	}
	race_look_at_clock(run);
}

unsigned race_option_put(const struct race_option *option, char ret[4])
{
	static const char queues[] = "URMurm";
	unsigned n = 0;

	switch ((enum race_option_kind)option->kind) {
	case RACE_OVERTAKE:
		ret[n++] = '^';
		ret[n++] = queues[option->what];
		break;
	case RACE_LOSE:
		ret[n++] = '-';
		ret[n++] = queues[option->what];
		break;
	case RACE_DELIVER: ret[n++] = queues[option->what]; break;
	case RACE_EVENT: ret[n++] = (char)('1' + option->what); break;
	case RACE_TIME: ret[n++] = '.'; break;
	case RACE_STOP: ret[n++] = '!'; break;
	}
	ret[n] = 0;
	return n;
}
