/* The network of a run: messages on their way, and the time. */
#include "race_parts.h"

void race_put_line(struct race_run *run, const char *mark, unsigned queue, struct text bytes)
{
	const char *peer = race_peer_names[queue % RACE_PEERS];
	struct text line = {bytes.at, text_find(bytes, '\r')};
	const char *cseq = memmem(bytes.at, bytes.len, "\r\nCSeq: ", 8);
	const char *reason = memmem(bytes.at, bytes.len, "\r\nReason: ", 10);
	struct text of =
		cseq ? text_from(bytes, (uint32_t)(cseq + 8 - bytes.at)) : (struct text){0};
	struct text why =
		reason ? text_from(bytes, (uint32_t)(reason + 2 - bytes.at)) : (struct text){0};

	if (line.len > 9 && memcmp(line.at + line.len - 8, " SIP/2.0", 8) == 0)
		line.len -= 8;
	fprintf(run->trace, "%9.3f  %-8s %s %s  %.*s  [%.*s]%s%.*s\n",
		(double)(run->now_ms - run->began_ms) / 1000, queue >= RACE_PEERS ? peer : "server",
		mark, queue >= RACE_PEERS ? "server" : peer, TEXT_ARGS(line),
		(int)text_find(of, '\r'), of.at, why.len ? "  " : "", (int)text_find(why, '\r'),
		why.len ? why.at : "");
}

void race_put_on_the_way(struct race_run *run, unsigned queue, struct text bytes)
{
	struct race_pending *p;
	unsigned place;

	if (!run->free_places || bytes.len > RACE_MESSAGE_BYTES) {
		race_breaks(run, RACE_COMES_TO_REST, "too many or too large messages on their way");
		return;
	}
	place = (unsigned)__builtin_ctzll(run->free_places);
	run->free_places &= run->free_places - 1;
	p = &run->pending[place];
	p->sent_ms = run->now_ms;
	p->queue = (uint8_t)queue;
	p->len = bytes.len;
	memcpy(p->bytes, bytes.at, bytes.len);
	run->order[run->n_pending++] = (uint8_t)place;
	run->is_late = false;
}

/* The n-th message of a queue; its place in `order`, or -1. */
int race_nth_of_queue(const struct race_run *run, unsigned queue, unsigned n)
{
	for (unsigned i = 0; i < run->n_pending; i++)
		if (run->pending[run->order[i]].queue == queue && n-- == 0)
			return (int)i;
	return -1;
}

static void take_off(struct race_run *run, unsigned at)
{
	run->free_places |= 1ull << run->order[at];
	memmove(&run->order[at], &run->order[at + 1], run->n_pending - at - 1);
	run->n_pending--;
}

/* ---------------------------------------------------------------- steps */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t race_deadline(const struct race_run *run)
{
	uint64_t at = node_deadline(run->node);

	for (unsigned i = 0; i < RACE_PEERS; i++)
		at = least(at, race_peer_deadline(&run->peers[i]));
	return at;
}

void race_look_at_clock(struct race_run *run)
{
	if (!run->watching)
		return;
	race_told(run, RACE_REMOTE_LEG, race_rule_overdue(&run->rule, run->now_ms));
	for (unsigned i = 0; i < run->n_received; i++) {
		const struct race_asked *asked = &run->received[i];
		bool answered =
			asked->method == SIP_INVITE ? asked->has_response : asked->has_final;

		if (!answered && run->now_ms > asked->at_ms + RACE_PROMPTLY_MS)
			race_breaks(run, RACE_EVERY_ANSWER,
				    "%s of the %s is not answered within %u ms",
				    sip_method_name((enum sip_method)asked->method),
				    race_peer_names[asked->peer], RACE_PROMPTLY_MS);
	}
}

/* A message arrives a little after it was sent, but nobody's timer is overtaken by that. */
void race_deliver(struct race_run *run, unsigned at)
{
	struct race_pending *p = &run->pending[run->order[at]];
	struct text bytes = {p->bytes, p->len};
	uint64_t due = race_deadline(run);

	if (due > run->now_ms)
		run->now_ms = least(run->now_ms + RACE_LATENCY_MS, due);
	if (run->trace)
		race_put_line(run, "=>", p->queue, bytes);
	take_off(
		run,
		at); /* its bytes stay until something new is put in their place: not before this is over */
	run->free_places &= ~(1ull << (p - run->pending));
	if (p->queue >= RACE_PEERS)
		race_feed_server(run, p->queue - RACE_PEERS, bytes);
	else
		race_peer_receive(&run->peers[p->queue], run->now_ms, bytes);
	run->free_places |= 1ull << (p - run->pending);
}

void race_lose(struct race_run *run, unsigned at)
{
	struct race_pending *p = &run->pending[run->order[at]];

	if (run->trace)
		race_put_line(run, "-x", p->queue, (struct text){p->bytes, p->len});
	run->has_lost = true;
	take_off(run, at);
}

void race_expire(struct race_run *run)
{
	if (node_deadline(run->node) <= run->now_ms) {
		node_expire(run->node, run->now_ms);
		race_collect(run);
	}
	for (unsigned i = 0; i < RACE_PEERS; i++)
		if (race_peer_deadline(&run->peers[i]) <= run->now_ms)
			race_peer_expire(&run->peers[i], run->now_ms);
}

/* When something may be decided by the order of two things: shortly before, and at, a turning point of the rule. */
static uint64_t interesting_time(const struct race_run *run)
{
	uint64_t at = race_rule_turning_point(&run->rule, run->now_ms);

	if (!run->watching || at == RACE_ORACLE_NEVER)
		return RACE_NEVER;
	return at - RACE_SHORTLY_MS > run->now_ms ? at - RACE_SHORTLY_MS : at;
}

/* Time goes on until something can be seen from outside, an interesting time has come (whose timers have not run out yet), or `limit_ms`. */
void race_let_time_pass(struct race_run *run, uint64_t limit_ms)
{
	unsigned before = run->n_pending;

	for (unsigned rounds = 0; run->n_pending == before && run->broken == RACE_HOLDS; rounds++) {
		uint64_t due = race_deadline(run), turn = interesting_time(run);

		if (rounds > 10000) {
			race_breaks(run, RACE_COMES_TO_REST, "timers run out for ever");
			return;
		}
		if (least(due, turn) >= limit_ms) {
			run->is_late = limit_ms == RACE_NEVER;
			if (!run->is_late)
				run->now_ms = limit_ms;
			return;
		}
		if (turn <= due) {
			run->now_ms = turn;
			return;
		}
		if (due > run->now_ms)
			run->now_ms = due;
		race_expire(run);
		race_look_at_clock(run);
	}
}
