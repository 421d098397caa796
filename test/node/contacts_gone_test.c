/* @req SC-7 SC-7a SC-0a
 * A contact with very many calls whose registration ends (TS 24.229 §5.4.5.1.2A): a gateway. Every leg of
 * every call hears of it, over datagrams and over streams, in steps that are bounded. */
#include "wire.h"

#include "base/limits.h"

#define GATEWAY   7200
#define OTHER     7201
#define CALLS_MAX 10100u

/* What the parties do by themselves. */
struct parties {
	struct wire wire;
	enum transport transport;
	const char *answer; /* of a device to an INVITE */
	bool answers_byes;
	unsigned char byes[2][CALLS_MAX];    /* seen at the device, at alice */
	unsigned char cancels[2][CALLS_MAX]; /* at the gateway, at the other device */
	unsigned n_byes;
};

static struct parties parties;

static void say(struct parties *p, uint16_t port, const char *bytes)
{
	wire_feed_from(&p->wire, wire_address(p->transport, port), "%s", bytes);
}

static unsigned number_of_call(const char *message)
{
	char call_id[60];
	unsigned number;

	wire_header(message, "Call-ID", 0, call_id, sizeof(call_id));
	number = (unsigned)atoi(call_id + 1);
	assert_in_range(number, 0, CALLS_MAX - 1);
	return number;
}

/* Of a device, or of alice to a BYE. `method`: of the CSeq. */
static void answer(struct parties *p, uint16_t port, const char *request, const char *status_line,
		   const char *method)
{
	char bytes[8192], vias[3000] = "", routes[2000] = "", from[300], to[300], call_id[60],
			  tag[20] = "";

	wire_append(vias, sizeof(vias), "Via", request);
	if (strncmp(request, "CANCEL", 6) == 0 && strcmp(method, "INVITE") == 0) {
		size_t at = strlen(vias); /* a CANCEL shows only ours */

		snprintf(vias + at, sizeof(vias) - at,
			 "Via: SIP/2.0/%s 127.0.0.1:6000;branch=z9hG4bKi%u\n",
			 p->transport == TRANSPORT_TCP ? "TCP" : "UDP", number_of_call(request));
	}
	wire_append(routes, sizeof(routes), "Record-Route", request);
	wire_header(request, "From", 0, from, sizeof(from));
	wire_header(request, "To", 0, to, sizeof(to));
	wire_header(request, "Call-ID", 0, call_id, sizeof(call_id));
	if (!strstr(to, ";tag="))
		snprintf(tag, sizeof(tag), ";tag=d%u", port);
	snprintf(bytes, sizeof(bytes),
		 "SIP/2.0 %s\n%s%sFrom: %s\nTo: %s%s\nCall-ID: %s\nCSeq: %u %s\nContact: "
		 "<sip:gw@127.0.0.1:%u%s>\nContent-Length: 0\n\n",
		 status_line, vias, routes, from, to, tag, call_id,
		 (unsigned)atoi(strstr(request, "\r\nCSeq: ") + 8), method, port,
		 p->transport == TRANSPORT_TCP ? ";transport=tcp" : "");
	say(p, port, bytes);
}

static void acknowledge(struct parties *p, const char *ok)
{
	char bytes[2000], route[400], to[300], call_id[60];

	assert_non_null(wire_header(ok, "Record-Route", 0, route, sizeof(route)));
	wire_header(ok, "To", 0, to, sizeof(to));
	wire_header(ok, "Call-ID", 0, call_id, sizeof(call_id));
	snprintf(bytes, sizeof(bytes),
		 "ACK sip:gw@127.0.0.1:%u%s SIP/2.0\nVia: SIP/2.0/%s "
		 "127.0.0.1:6000;branch=z9hG4bKa%s\n"
		 "Max-Forwards: 70\nRoute: %s\nFrom: <sip:alice@ims.example>;tag=a\nTo: %s\n"
		 "Call-ID: %s\nCSeq: 1 ACK\nContent-Length: 0\n\n",
		 GATEWAY, p->transport == TRANSPORT_TCP ? ";transport=tcp" : "",
		 p->transport == TRANSPORT_TCP ? "TCP" : "UDP", call_id, route, to, call_id);
	say(p, ALICE, bytes);
}

static void react(struct parties *p, const struct wire_message *m)
{
	if (m->to.port == 6100)
		return; /* the registering */
	assert_int_equal(m->to.transport, p->transport);
	if (strncmp(m->bytes, "INVITE", 6) == 0) {
		answer(p, m->to.port, m->bytes, p->answer, "INVITE");
	} else if (strncmp(m->bytes, "BYE", 3) == 0) {
		p->n_byes++;
		p->byes[m->to.port == ALICE][number_of_call(m->bytes)]++;
		if (p->answers_byes)
			answer(p, m->to.port, m->bytes, "200 OK", "BYE");
	} else if (strncmp(m->bytes, "CANCEL", 6) == 0) {
		p->cancels[m->to.port == OTHER][number_of_call(m->bytes)]++;
		answer(p, m->to.port, m->bytes, "200 OK", "CANCEL");
		answer(p, m->to.port, m->bytes, "487 Request Terminated", "INVITE");
	} else if (strncmp(m->bytes, "SIP/2.0 200", 11) == 0 && strstr(m->bytes, " INVITE\r\n")) {
		acknowledge(p, m->bytes);
	}
}

/* Until nobody has anything to say. */
static void pump(struct parties *p)
{
	while (p->wire.n_out) {
		static struct wire_message taken[WIRE_KEPT];
		unsigned n = p->wire.n_out;

		memcpy(taken, p->wire.out, n * sizeof(taken[0]));
		p->wire.n_out = 0;
		for (unsigned i = 0; i < n; i++) {
			react(p, &taken[i]);
			free(taken[i].bytes);
		}
	}
}

/* Each step by itself, so that its bound can be seen. Returns how many steps released anything. */
static unsigned run(struct parties *p, uint64_t for_ms)
{
	uint64_t end = p->wire.now_ms + for_ms;
	unsigned steps = 0;

	for (uint64_t at; (at = node_deadline(p->wire.node)) <= end;) {
		uint64_t before = wire_counters(&p->wire)->contacts_released, released;

		p->wire.now_ms = at > p->wire.now_ms ? at : p->wire.now_ms;
		node_expire(p->wire.node, p->wire.now_ms);
		wire_collect(&p->wire);
		released = wire_counters(&p->wire)->contacts_released - before;
		assert_in_range(released, 0, LIMIT_OUTBOX_MESSAGES / 2);
		steps += released > 0;
		pump(p);
	}
	p->wire.now_ms = end;
	return steps;
}

static void open_parties(struct parties *p, enum transport transport,
			 void (*change)(struct node_settings *))
{
	memset(p, 0, sizeof(*p));
	p->transport = transport;
	p->answer = "200 OK";
	p->answers_byes = true;
	wire_open(&p->wire, change);
}

static void register_device(struct parties *p, uint16_t port, unsigned expires)
{
	static unsigned n;

	n++;
	wire_feed_from(&p->wire, wire_address(TRANSPORT_UDP, 6100),
		       "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		       "127.0.0.1:6100;branch=z9hG4bKr%u\nMax-Forwards: 70\nFrom: "
		       "<sip:gw@ims.example>;tag=r\nTo: <sip:gw@ims.example>\nCall-ID: r%u\n"
		       "CSeq: %u REGISTER\nContact: <sip:gw@127.0.0.1:%u%s>;expires=%u\n"
		       "Content-Length: 0\n\n",
		       n, port, n, port, p->transport == TRANSPORT_TCP ? ";transport=tcp" : "",
		       expires);
	assert_non_null(wire_last(&p->wire, 6100, "SIP/2.0 200"));
	pump(p);
}

static void call(struct parties *p, unsigned number)
{
	bool stream = p->transport == TRANSPORT_TCP;
	char bytes[1000];

	snprintf(bytes, sizeof(bytes),
		 "INVITE sip:gw@ims.example SIP/2.0\nVia: SIP/2.0/%s "
		 "127.0.0.1:6000;branch=z9hG4bKi%u\nMax-Forwards: 70\nFrom: "
		 "<sip:alice@ims.example>;tag=a\nTo: <sip:gw@ims.example>\nCall-ID: n%u\n"
		 "CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000%s>\nContent-Length: 0\n\n",
		 stream ? "TCP" : "UDP", number, number, stream ? ";transport=tcp" : "");
	say(p, ALICE, bytes);
	pump(p);
}

static void calls(struct parties *p, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		call(p, i);
}

/* The messages of the step itself are left in the wire. */
static void gateway_goes(struct parties *p)
{
	assert_int_equal(node_deregister(p->wire.node, p->wire.now_ms, TEXT("sip:gw@ims.example"),
					 p->transport == TRANSPORT_TCP
						 ? TEXT("sip:gw@127.0.0.1:7200;transport=tcp")
						 : TEXT("sip:gw@127.0.0.1:7200")),
			 1);
	wire_collect(&p->wire);
}

static void check_byes(const struct parties *p, unsigned first, unsigned n, unsigned want)
{
	for (unsigned i = first; i < first + n; i++)
		if (p->byes[0][i] != want || p->byes[1][i] != want)
			fail_msg("call %u: BYEs %u to the device, %u to alice, not %u", i,
				 p->byes[0][i], p->byes[1][i], want);
}

static void end_test(struct parties *p)
{
	p->answers_byes = true;
	wire_release_all(&p->wire, 480);
	pump(p);
	run(p, 300000);
	assert_int_equal(wire_counters(&p->wire)->sessions, 0);
	assert_int_equal(wire_counters(&p->wire)->dialogs, 0);
	assert_int_equal(wire_counters(&p->wire)->server_transactions, 0);
	assert_int_equal(wire_counters(&p->wire)->client_transactions, 0);
	assert_int_equal(wire_counters(&p->wire)->message_blocks, 0);
	wire_close(&p->wire);
}

/* ---------------------------------------------------------------- ringing ones among them */

/* @req SC-7a SC-0a  Two calls are confirmed, and a hundred ring at two devices: the ones that ring lose a branch and go on,
 * and hide nobody from the release. */
static void test_sc_7a_calls_that_ring_hide_no_confirmed_call(void **state)
{
	static const enum transport transports[] = {TRANSPORT_UDP, TRANSPORT_TCP};
	struct parties *p = &parties;

	(void)state;
	for (int t = 0; t < 2; t++) {
		open_parties(p, transports[t], NULL);
		register_device(p, GATEWAY, 3600);
		calls(p, 0, 1);
		register_device(p, OTHER, 3600);
		p->answer = "180 Ringing";
		calls(p, 1, 50);
		register_device(p, OTHER, 0);
		p->answer = "200 OK";
		calls(p, 51, 1);
		register_device(p, OTHER, 3600);
		p->answer = "180 Ringing";
		calls(p, 52, 50);
		memset(p->cancels, 0, sizeof(p->cancels));
		assert_int_equal(wire_counters(&p->wire)->sessions_confirmed, 2);
		gateway_goes(p);
		pump(p);
		run(p, 1000);
		check_byes(p, 0, 1, 1);
		check_byes(p, 51, 1, 1);
		assert_int_equal(p->n_byes, 4);
		/* the first fifty rang at the other device too, which went before and took its branch along */
		check_byes(p, 1, 50, 0);
		check_byes(p, 52, 50, 0);
		for (unsigned i = 1; i < 102; i++) {
			assert_int_equal(p->cancels[0][i], i != 51);
			assert_int_equal(p->cancels[1][i], 0);
		}
		assert_int_equal(wire_counters(&p->wire)->sessions, 50);
		assert_int_equal(wire_counters(&p->wire)->outbox_full, 0);
		end_test(p);
	}
}

/* ---------------------------------------------------------------- very many */

static void no_memory_of_ended(struct node_settings *settings)
{
	settings->ended_sessions_max = 16;
}

/* @req SC-7a  All of ten thousand get their two BYEs; a call of the contact's next registration is none of them. */
static void test_sc_7a_ten_thousand_calls_of_one_contact(void **state)
{
	struct parties *p = &parties;
	unsigned steps;

	(void)state;
	open_parties(p, TRANSPORT_UDP, no_memory_of_ended);
	register_device(p, GATEWAY, 3600);
	calls(p, 0, 10000);
	assert_int_equal(wire_counters(&p->wire)->sessions_confirmed, 10000);
	gateway_goes(p);
	assert_in_range(wire_counters(&p->wire)->contacts_released, 50, LIMIT_OUTBOX_MESSAGES / 2);
	pump(p);
	register_device(p, GATEWAY, 3600);
	call(p, 10000);
	steps = run(p, 5000);
	assert_in_range(steps, 10000 / (LIMIT_OUTBOX_MESSAGES / 2), 400);
	check_byes(p, 0, 10000, 1);
	check_byes(p, 10000, 1, 0);
	assert_int_equal(wire_counters(&p->wire)->contacts_released, 10000);
	assert_int_equal(wire_counters(&p->wire)->byes_answered, 20000);
	assert_int_equal(wire_counters(&p->wire)->sessions, 1);
	assert_int_equal(wire_counters(&p->wire)->outbox_full, 0);
	/* and that one goes when its own registration does */
	gateway_goes(p);
	pump(p);
	check_byes(p, 10000, 1, 1);
	end_test(p);
}

/* @req SC-7a OP-3  Over a stream nothing is repeated that was lost: every leg gets its one BYE. */
static void test_sc_7a_every_leg_gets_its_bye_over_a_stream(void **state)
{
	struct parties *p = &parties;

	(void)state;
	open_parties(p, TRANSPORT_TCP, NULL);
	register_device(p, GATEWAY, 3600);
	calls(p, 0, 200);
	gateway_goes(p);
	pump(p);
	run(p, 100);
	check_byes(p, 0, 200, 1);
	assert_int_equal(wire_counters(&p->wire)->byes_sent, 400);
	assert_int_equal(wire_counters(&p->wire)->byes_answered, 400);
	assert_int_equal(wire_counters(&p->wire)->outbox_full, 0);
	assert_int_equal(wire_counters(&p->wire)->sessions, 0);
	end_test(p);
}

static void few_transactions(struct node_settings *settings)
{
	settings->transactions_max = 20;
}

/* @req SC-7a OP-3  No BYE is begun for which there is no transaction: the sessions wait until others are over. */
static void test_sc_7a_sessions_wait_for_transactions(void **state)
{
	struct parties *p = &parties;
	unsigned begun;

	(void)state;
	open_parties(p, TRANSPORT_UDP, few_transactions);
	register_device(p, GATEWAY, 600000);
	run(p, 40000);
	for (unsigned i = 0; i < 200; i += 20) {
		calls(p, i, 20);
		run(p, 40000);
	}
	assert_int_equal(wire_counters(&p->wire)->sessions_confirmed, 200);
	p->answers_byes = false;
	gateway_goes(p);
	pump(p);
	run(p, 400);
	begun = (unsigned)wire_counters(&p->wire)->contacts_released;
	assert_in_range(begun, 110, 150);
	assert_int_equal(p->n_byes, 2 * begun);
	p->answers_byes = true; /* they are repeated, and heard now */
	run(p, 60000);
	assert_int_equal(wire_counters(&p->wire)->contacts_released, 200);
	assert_int_equal(wire_counters(&p->wire)->byes_answered, 400);
	assert_int_equal(wire_counters(&p->wire)->byes_transport_failed, 0);
	assert_int_equal(wire_counters(&p->wire)->sessions, 0);
	end_test(p);
}

/* @req SC-7a  While the sessions wait, the transactions of their INVITEs end, that of the first too, by which the
 * contact is found in the queue. */
static void test_sc_7a_what_ends_while_it_waits(void **state)
{
	struct parties *p = &parties;

	(void)state;
	for (unsigned before_ms = 0; before_ms < 20; before_ms += 3) {
		open_parties(p, TRANSPORT_UDP, no_memory_of_ended);
		register_device(p, GATEWAY, 3600);
		calls(p, 0, 400);
		assert_int_equal(wire_counters(&p->wire)->client_transactions, 400);
		/* Timer M, on a full eighth of a second */
		run(p, (32000 + 1000 + 127) / 128 * 128 - before_ms - p->wire.now_ms);
		assert_int_equal(wire_counters(&p->wire)->client_transactions, before_ms ? 400 : 0);
		gateway_goes(p);
		pump(p);
		run(p, 1000);
		check_byes(p, 0, 400, 1);
		assert_int_equal(wire_counters(&p->wire)->contacts_released, 400);
		assert_int_equal(wire_counters(&p->wire)->sessions, 0);
		end_test(p);
	}
}

/* @req SC-7a  Two contacts that wait at once, and the node closed while they do. */
static void test_sc_7a_several_contacts_wait(void **state)
{
	struct parties *p = &parties;

	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		open_parties(p, TRANSPORT_UDP, NULL);
		register_device(p, OTHER, 3600);
		calls(p, 200, 200);
		register_device(p, OTHER, 0);
		register_device(p, GATEWAY, 3600);
		calls(p, 0, 200);
		gateway_goes(p);
		if (closes) {
			wire_close(&p->wire);
			continue;
		}
		pump(p);
		run(p, 1000);
		check_byes(p, 0, 400, 1);
		assert_int_equal(wire_counters(&p->wire)->contacts_released, 400);
		end_test(p);
	}
}

static void long_memory_of_ended(struct node_settings *settings)
{
	settings->ended_sessions_max = 5000;
}

/* @req SC-7a  Calls that are over are many too, and looked at in bounded steps. */
static void test_sc_7a_a_step_looks_at_so_many(void **state)
{
	struct parties *p = &parties;
	unsigned ticks = 0;

	(void)state;
	open_parties(p, TRANSPORT_UDP, long_memory_of_ended);
	register_device(p, GATEWAY, 3600);
	calls(p, 0, 2500);
	wire_release_all(&p->wire, 480);
	pump(p);
	run(p, 100000);
	check_byes(p, 0, 2500, 1);
	assert_int_equal(wire_counters(&p->wire)->ended_sessions, 2500);
	gateway_goes(p);
	for (; node_deadline(p->wire.node) <= p->wire.now_ms + 10; ticks++)
		run(p, 10);
	assert_int_equal(ticks, 2500 / LIMIT_USES_PER_STEP);
	assert_int_equal(wire_counters(&p->wire)->contacts_released, 0);
	check_byes(p, 0, 2500, 1);
	end_test(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_7a_calls_that_ring_hide_no_confirmed_call),
		cmocka_unit_test(test_sc_7a_ten_thousand_calls_of_one_contact),
		cmocka_unit_test(test_sc_7a_every_leg_gets_its_bye_over_a_stream),
		cmocka_unit_test(test_sc_7a_sessions_wait_for_transactions),
		cmocka_unit_test(test_sc_7a_what_ends_while_it_waits),
		cmocka_unit_test(test_sc_7a_several_contacts_wait),
		cmocka_unit_test(test_sc_7a_a_step_looks_at_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
