/* @req SC-7 SC-0a
 * Sessions of a contact whose registration ends (TS 24.229 §5.4.5.1.2A): carl has two devices, and only the calls of the one
 * that goes are released. */
#include "through_servers.h"

#define DEV1 7201
#define DEV2 7202

/* ---------------------------------------------------------------- registering */

static unsigned registers;

static void register_with(struct scene *s, const char *user, uint16_t port, const char *call_id,
			  const char *lines)
{
	unsigned n = ++registers;

	wire_feed(
		&s->wire, port,
		"REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.1:%u;branch=z9hG4bKr%u\nMax-Forwards: 70\nFrom: "
		"<sip:%s@ims.example>;tag=r\n"
		"To: <sip:%s@ims.example>\nCall-ID: %s\nCSeq: %u REGISTER\n%sContent-Length: 0\n\n",
		port, n, user, user, call_id, n, lines);
	wire_run(&s->wire, 0);
	assert_non_null(wire_last(&s->wire, port, "SIP/2.0 200"));
}

static void register_carl(struct scene *s, uint16_t port, unsigned expires)
{
	char lines[300], call_id[20];

	snprintf(lines, sizeof(lines),
		 "Contact: <sip:carl@127.0.0.1:%u>;expires=%u;+sip.instance=\"<urn:uuid:%u>\"\n",
		 port, expires, port);
	snprintf(call_id, sizeof(call_id), "reg%u", port);
	register_with(s, "carl", port, call_id, lines);
}

/* The ways in which the registration of DEV1 ends. */
enum way { BY_DEVICE, BY_STAR_OF_ALL, BY_TIME, BY_OPERATOR, BY_REPLACEMENT, WAYS };
static const char *const way_names[] = {"expires=0", "Contact: *", "its time", "operator",
					"another address of the device"};

static bool takes_all(enum way way)
{
	return way == BY_STAR_OF_ALL;
}

static void end_registration(struct scene *s, enum way way)
{
	switch (way) {
	case BY_DEVICE: register_carl(s, DEV1, 0); break;
	case BY_STAR_OF_ALL:
		register_with(s, "carl", DEV1, "star", "Contact: *\nExpires: 0\n");
		break;
	case BY_TIME: wire_run(&s->wire, 600000); break;
	case BY_OPERATOR:
		assert_int_equal(node_deregister(s->wire.node, s->wire.now_ms,
						 TEXT("sip:carl@ims.example"),
						 TEXT("sip:carl@127.0.0.1:7201")),
				 1);
		wire_collect(&s->wire);
		break;
	default:
		register_with(s, "carl", 7203, "other",
			      "Contact: <sip:carl@127.0.0.1:7203>;expires=3600;"
			      "+sip.instance=\"<urn:uuid:7201>\"\n");
	}
	settle(s);
}

/* ---------------------------------------------------------------- calls */

struct call {
	char id[20];
	uint16_t device;
	struct party alice;
};

static void invite_carl(struct scene *s, const char *call_id)
{
	wire_feed(&s->wire, ALICE,
		  "INVITE sip:carl@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bK%s\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:carl@ims.example>\nCall-ID: %s\n"
		  "CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n",
		  call_id, call_id);
	settle(s);
}

static const char *last_to(struct scene *s, uint16_t port, const char *beginning)
{
	const char *m = wire_last(&s->wire, port, beginning);

	if (!m)
		fail_msg("no %s to %u", beginning, port);
	return m;
}

/* The last message of this call to this port that begins so; NULL when there is none. */
static const char *of_call(const struct scene *s, uint16_t port, const char *beginning,
			   const char *call_id)
{
	const char *found = NULL, *m;
	char value[300] = "";

	for (unsigned i = 0; (m = wire_sent(&s->wire, port, beginning, i)); i++)
		if (wire_header(m, "Call-ID", 0, value, sizeof(value)) &&
		    strcmp(value, call_id) == 0)
			found = m;
	return found;
}

static void device_answers(struct scene *s, uint16_t port, const char *status_line)
{
	char tag[20], contact[80];

	snprintf(tag, sizeof(tag), "d%u", port);
	snprintf(contact, sizeof(contact), "Contact: <sip:carl@127.0.0.1:%u>\n", port);
	wire_answer(&s->wire, port, last_to(s, port, "INVITE"), status_line, tag, contact);
	settle(s);
}

/* alice calls carl, who answers at this device, and is busy at the other. */
static void call_to(struct scene *s, struct call *call, const char *id, uint16_t device)
{
	uint16_t other = device == DEV1 ? DEV2 : DEV1;

	snprintf(call->id, sizeof(call->id), "%s", id);
	call->device = device;
	invite_carl(s, id);
	device_answers(s, other, "486 Busy Here");
	device_answers(s, device, "200 OK");
	party_of_caller(&call->alice, ALICE, last_to(s, ALICE, "SIP/2.0 200"));
	party_says(s, &call->alice, "ACK", "");
	settle(s);
	assert_non_null(of_call(s, device, "ACK", id));
}

static void open_two_devices(struct scene *s)
{
	scene_open_with(s, served_users ? with_served_users : NULL);
	register_carl(s, DEV1, 600);
	register_carl(s, DEV2, 3600);
}

static void answer_byes(struct scene *s)
{
	unsigned n = s->wire.n_out;

	for (unsigned i = 0; i < n; i++)
		if (strncmp(s->wire.out[i].bytes, "BYE", 3) == 0 && s->wire.out[i].to.port < 8000)
			wire_answer(&s->wire, s->wire.out[i].to.port, s->wire.out[i].bytes,
				    "200 OK", "", "");
	settle(s);
}

static void end_test(struct scene *s)
{
	scene_forget(s);
	wire_release_all(&s->wire, 480);
	for (int i = 0; i < 20; i++) {
		answer_byes(s);
		scene_forget(s);
		scene_run(s, i < 10 ? 50 : 20000);
	}
	assert_int_equal(wire_counters(&s->wire)->sessions, 0);
	assert_int_equal(wire_counters(&s->wire)->dialogs, 0);
	assert_int_equal(wire_counters(&s->wire)->server_transactions, 0);
	assert_int_equal(wire_counters(&s->wire)->client_transactions, 0);
	scene_close(s);
}

static void check_released(struct scene *s, const struct call *call, uint16_t device)
{
	static const char reason[] = "SIP;cause=480;text=\"Temporarily Unavailable\"";
	const char *to_device = of_call(s, device, "BYE", call->id),
		   *to_alice = of_call(s, ALICE, "BYE", call->id);

	if (!to_device || !to_alice)
		fail_msg("%s: BYE to the device %d, to alice %d", call->id, to_device != NULL,
			 to_alice != NULL);
	wire_check_header(to_device, "Reason", reason);
	wire_check_header(to_alice, "Reason", reason);
}

static void check_untouched(struct scene *s, const struct call *call, uint16_t device)
{
	assert_null(of_call(s, device, "BYE", call->id));
	assert_null(of_call(s, ALICE, "BYE", call->id));
}

/* What the operator sees of a session that has ended. */
static void check_report(struct scene *s, const char *call_id)
{
	struct node_session_report r;
	struct node_session_id id;
	char bytes[4000];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes) - 1);

	assert_true(node_session_by_call_id(s->wire.node, text_of(call_id), &id));
	assert_true(node_session(s->wire.node, &id, &r));
	assert_int_equal(r.state, SESSION_ENDED);
	assert_int_equal(r.end, SESSION_END_DEREGISTERED);
	assert_string_equal(session_end_name(r.end), "registration of a contact ended");
	assert_int_equal(r.end_status, 480);
	assert_int_equal(r.release_why, CLAUSE_DEREGISTERED);
	ladder_put_why(&w, &r, s->wire.now_ms);
	bytes[w.len] = 0;
	assert_non_null(strstr(bytes, "the registration of a contact ended"));
	assert_non_null(strstr(bytes, "TS 24.229 §5.4.5.1.2A"));
	assert_null(strstr(bytes, "the operator ordered"));
}

/* @req SC-7  Two calls, one at each device, and every way that a registration ends. */
static void test_sc_7_exactly_the_calls_of_the_contact_that_goes(void **state)
{
	(void)state;
	for (unsigned way = 0; way < WAYS; way++) {
		struct call one, two;
		struct scene s;
		bool all = takes_all((enum way)way);

		open_two_devices(&s);
		call_to(&s, &one, "c1", DEV1);
		call_to(&s, &two, "c2", DEV2);
		scene_forget(&s);
		end_registration(&s, (enum way)way);
		if (!of_call(&s, DEV1, "BYE", "c1"))
			fail_msg("%s: no BYE", way_names[way]);
		check_released(&s, &one, DEV1);
		if (all)
			check_released(&s, &two, DEV2);
		else
			check_untouched(&s, &two, DEV2);
		assert_int_equal(count_new(&s, DEV1, "BYE"), 1);
		assert_int_equal(count_new(&s, DEV2, "BYE"), all);
		assert_int_equal(count_new(&s, ALICE, "BYE"), 1 + all);
		answer_byes(&s);
		check_report(&s, "c1");
		assert_int_equal(wire_counters(&s.wire)->contacts_released, 1 + all);
		assert_int_equal(wire_counters(&s.wire)->releases_ordered, 0);
		assert_int_equal(wire_counters(&s.wire)->sessions, !all);
		assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, !all);
		end_test(&s);
	}
}

/* @req SC-7  A flow of RFC 5626 that is taken over by another address of the same device and flow. */
static void test_sc_7_a_flow_that_is_replaced(void **state)
{
	struct call one, two;
	struct scene s;
	char lines[400];

	(void)state;
	scene_open_with(&s, NULL);
	for (unsigned flow = 1; flow <= 2; flow++) {
		char call_id[20];

		snprintf(lines, sizeof(lines),
			 "Supported: path, outbound\nPath: <sip:127.0.0.1:%u;lr;ob>\nContact: "
			 "<sip:carl@127.0.0.1:%u>;expires=3600;reg-id=%u;+sip.instance=\"<urn:uuid:"
			 "1>\"\n",
			 7200 + flow, 7200 + flow, flow);
		snprintf(call_id, sizeof(call_id), "flow%u", flow);
		register_with(&s, "carl", (uint16_t)(7200 + flow), call_id, lines);
	}
	assert_int_equal(wire_counters(&s.wire)->bindings, 2 + 2); /* bob and alice are there too */
	call_to(&s, &one, "c1", DEV1);
	call_to(&s, &two, "c2", DEV2);
	scene_forget(&s);
	register_with(&s, "carl", 7203, "flow1again",
		      "Supported: path, outbound\nPath: <sip:127.0.0.1:7203;lr;ob>\nContact: "
		      "<sip:carl@127.0.0.1:7203>;expires=3600;reg-id=1;"
		      "+sip.instance=\"<urn:uuid:1>\"\n");
	check_released(&s, &one, DEV1);
	check_untouched(&s, &two, DEV2);
	answer_byes(&s);
	check_report(&s, "c1");
	end_test(&s);
}

/* @req SC-7  A refresh, with the same or another time and Call-ID, releases nothing; neither does a new device. */
static void test_sc_7_a_refresh_releases_nothing(void **state)
{
	struct call one, two;
	struct scene s;

	(void)state;
	open_two_devices(&s);
	call_to(&s, &one, "c1", DEV1);
	call_to(&s, &two, "c2", DEV2);
	scene_forget(&s);
	register_carl(&s, DEV1, 600);
	wire_run(&s.wire, 599000);
	register_carl(&s, DEV1, 700);
	wire_run(&s.wire, 600000); /* past the old end */
	register_with(&s, "carl", DEV1, "another",
		      "Contact: <sip:carl@127.0.0.1:7201>;expires=800\n");
	register_with(&s, "carl", 7204, "third", "Contact: <sip:carl@127.0.0.1:7204>\n");
	register_carl(&s, DEV2, 3600);
	wire_run(&s.wire, 1000);
	assert_int_equal(wire_counters(&s.wire)->contacts_released, 0);
	assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 2);
	assert_int_equal(wire_count(&s.wire, ALICE, "BYE"), 0);
	/* and the end of the new time counts */
	scene_forget(&s);
	wire_run(&s.wire, 800000);
	check_released(&s, &one, DEV1);
	check_untouched(&s, &two, DEV2);
	end_test(&s);
}

/* @req SC-7  The contact that the calling user called from, and not its other ones; the called user's side is not asked. */
static void test_sc_7_a_contact_of_the_calling_user(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		struct scene s;
		struct call call = {.id = "k1"};

		open_two_devices(&s);
		wire_feed(&s.wire, DEV1,
			  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:7201;branch=z9hG4bKk1\nMax-Forwards: 70\n"
			  "From: <sip:carl@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
			  "k1\nCSeq: 1 INVITE\nContact: <sip:carl@127.0.0.1:7201>\n"
			  "Content-Length: 0\n\n");
		wire_answer(&s.wire, BOB, last_to(&s, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
		party_of_caller(&call.alice, DEV1, last_to(&s, DEV1, "SIP/2.0 200"));
		party_says(&s, &call.alice, "ACK", "");
		scene_forget(&s);
		register_carl(&s, which ? DEV2 : DEV1, 0);
		assert_int_equal(wire_count(&s.wire, BOB, "BYE"), !which);
		assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), !which);
		if (!which) {
			answer_byes(&s);
			check_report(&s, "k1");
		}
		assert_int_equal(wire_counters(&s.wire)->sessions, which);
		end_test(&s);
	}
}

/* @req SC-7  Calls of a contact in both roles, and many of them: more than one batch. */
static void test_sc_7_many_calls_of_one_contact(void **state)
{
	struct scene s;

	(void)state;
	open_two_devices(&s);
	for (unsigned i = 0; i < 150; i++) {
		struct call call;
		char id[20];

		snprintf(id, sizeof(id), "n%u", i);
		call_to(&s, &call, id, i % 3 ? DEV1 : DEV2);
		scene_forget(&s);
	}
	assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 150);
	node_deregister(s.wire.node, s.wire.now_ms, TEXT("sip:carl@ims.example"),
			TEXT("sip:carl@127.0.0.1:7201"));
	wire_collect(&s.wire);
	assert_int_equal(wire_counters(&s.wire)->contacts_released, 100);
	assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 100);
	assert_int_equal(wire_count(&s.wire, DEV2, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, ALICE, "BYE"), 100);
	answer_byes(&s);
	assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 50);
	end_test(&s);
}

/* @req SC-7 SC-7a  More BYEs than one step may send: the other calls wait for the next, and every leg gets its own. */
static void test_sc_7_more_calls_than_one_step_may_send(void **state)
{
	struct scene s;

	(void)state;
	open_two_devices(&s);
	for (unsigned i = 0; i < 200; i++) {
		struct call call;
		char id[20];

		snprintf(id, sizeof(id), "n%u", i);
		call_to(&s, &call, id, DEV1);
		scene_forget(&s);
	}
	register_carl(&s, DEV1, 0);
	assert_in_range(wire_counters(&s.wire)->contacts_released, 50, 199);
	for (unsigned i = 0; i < 40 && wire_counters(&s.wire)->sessions; i++) {
		answer_byes(&s);
		scene_forget(&s);
		for (unsigned n = 0; n < 50 && s.wire.n_out < 100; n++)
			wire_run(&s.wire, 10);
	}
	assert_int_equal(wire_counters(&s.wire)->sessions, 0);
	assert_int_equal(wire_counters(&s.wire)->contacts_released, 200);
	assert_int_equal(wire_counters(&s.wire)->byes_sent, 400);
	assert_int_equal(wire_counters(&s.wire)->byes_answered, 400);
	assert_int_equal(wire_counters(&s.wire)->outbox_full, 0);
	assert_int_equal(wire_counters(&s.wire)->byes_timed_out, 0);
	end_test(&s);
}

/* @req SC-7  The BYE of a party is under way, or the operator's release: no second pair. */
static void test_sc_7_a_session_that_ends_already(void **state)
{
	for (int ordered = 0; ordered < 2; ordered++) {
		struct call one;
		struct scene s;

		(void)state;
		open_two_devices(&s);
		call_to(&s, &one, "c1", DEV1);
		scene_forget(&s);
		if (ordered)
			wire_release_all(&s.wire, 503);
		else
			party_says(&s, &one.alice, "BYE", "");
		register_carl(&s, DEV1, 0);
		assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 1);
		assert_int_equal(wire_count(&s.wire, ALICE, "BYE"), ordered);
		assert_int_equal(wire_counters(&s.wire)->contacts_released, !ordered);
		answer_byes(&s);
		assert_int_equal(wire_counters(&s.wire)->sessions, 0);
		if (ordered) {
			struct node_session_report r;

			wire_session(&s.wire, NODE_GONE, &r);
			assert_int_equal(r.end, SESSION_END_RELEASED);
			assert_int_equal(r.end_status, 503);
		}
		end_test(&s);
	}
}

/* ---------------------------------------------------------------- while it rings */

/* @req SC-0a  Only that branch is cancelled, with the Reason; the other rings on and can answer. */
static void test_sc_0a_only_that_branch_is_cancelled(void **state)
{
	(void)state;
	for (unsigned way = 0; way < WAYS; way++) {
		struct scene s;

		if (takes_all((enum way)way) || way == BY_TIME) /* nobody rings for ten minutes */
			continue;
		open_two_devices(&s);
		invite_carl(&s, "c1");
		device_answers(&s, DEV1, "180 Ringing");
		device_answers(&s, DEV2, "180 Ringing");
		scene_forget(&s);
		invite_carl(&s, "c1"); /* a retransmission: nothing */
		end_registration(&s, (enum way)way);
		assert_int_equal(wire_count(&s.wire, DEV1, "CANCEL"), 1);
		wire_check_header(last_to(&s, DEV1, "CANCEL"), "Reason",
				  "SIP;cause=480;text=\"Temporarily Unavailable\"");
		assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 0);
		assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 4"), 0);
		assert_int_equal(wire_counters(&s.wire)->contacts_released, 0);
		assert_int_equal(wire_counters(&s.wire)->sessions, 1);
		wire_run(&s.wire, 32000); /* not even the 487 comes */
		assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 4"), 0);
		end_test(&s);
	}
}

static void open_ringing(struct scene *s, bool with_180)
{
	open_two_devices(s);
	invite_carl(s, "c1");
	if (with_180) {
		device_answers(s, DEV1, "180 Ringing");
		device_answers(s, DEV2, "180 Ringing");
	}
}

/* @req SC-0a SC-7  The other device answers after that: its call lives, and the end of its own registration releases it. */
static void test_sc_0a_the_other_rings_on_and_answers(void **state)
{
	struct scene s;
	struct call call = {.id = "c1"};

	(void)state;
	open_ringing(&s, true);
	register_carl(&s, DEV1, 0);
	wire_answer(&s.wire, DEV1, last_to(&s, DEV1, "CANCEL"), "200 OK", "", "");
	device_answers(&s, DEV1, "487 Request Terminated");
	assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 4"), 0);
	device_answers(&s, DEV2, "200 OK");
	party_of_caller(&call.alice, ALICE, last_to(&s, ALICE, "SIP/2.0 200"));
	party_says(&s, &call.alice, "ACK", "");
	assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 1);
	scene_forget(&s);
	register_carl(&s, DEV2, 0);
	check_released(&s, &call, DEV2);
	assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 0);
	answer_byes(&s);
	check_report(&s, "c1");
	end_test(&s);
}

/* @req SC-0a  The branch that was cancelled says 487 first: what alice hears is what the device says that is still there. */
static void test_sc_0a_the_other_is_busy(void **state)
{
	struct scene s;

	(void)state;
	open_ringing(&s, true);
	register_carl(&s, DEV1, 0);
	device_answers(&s, DEV1, "487 Request Terminated");
	device_answers(&s, DEV2, "486 Busy Here");
	assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 486"), 1);
	assert_int_equal(wire_counters(&s.wire)->sessions, 0);
	end_test(&s);
}

/* @req SC-7 SC-0  The only branch: the caller gets 480 and the device a CANCEL; likewise when both devices go, one after the
 * other or at once, with or without a provisional response. */
static void test_sc_7_the_last_branch_that_rings(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		bool with_180 = i & 1, at_once = i & 2, first_is_final = i & 4;
		struct scene s;

		open_ringing(&s, with_180);
		if (first_is_final) {
			device_answers(&s, DEV1, "486 Busy Here");
			register_carl(&s, DEV2, 0);
		} else if (at_once) {
			assert_int_equal(node_deregister(s.wire.node, s.wire.now_ms,
							 TEXT("sip:carl@ims.example"),
							 (struct text){0}),
					 2);
			wire_collect(&s.wire);
		} else {
			register_carl(&s, DEV1, 0);
			register_carl(&s, DEV2, 0);
		}
		if (wire_count(&s.wire, ALICE, "SIP/2.0 480") != 1)
			fail_msg("%s 180, %s: no 480", with_180 ? "with" : "without",
				 first_is_final ? "the other is busy"
				 : at_once      ? "both at once"
						: "one after the other");
		wire_check_header(last_to(&s, ALICE, "SIP/2.0 480"), "Reason",
				  "SIP;cause=480;text=\"Temporarily Unavailable\"");
		if (!with_180) { /* RFC 3261 §9.1: only now it is allowed */
			assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 0);
			device_answers(&s, DEV2, "180 Ringing");
		}
		assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 1);
		wire_check_header(last_to(&s, DEV2, "CANCEL"), "Reason",
				  "SIP;cause=480;text=\"Temporarily Unavailable\"");
		if (!first_is_final) {
			if (!with_180)
				device_answers(&s, DEV1, "180 Ringing");
			assert_int_equal(wire_count(&s.wire, DEV1, "CANCEL"), 1);
			device_answers(&s, DEV1, "487 Request Terminated");
		}
		device_answers(&s, DEV2, "487 Request Terminated");
		assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 487"), 0);
		check_report(&s, "c1");
		end_test(&s);
	}
}

/* @req SC-0a RC-8  The 2xx of the branch that is being cancelled crosses the CANCEL: it is a call of a contact that is gone;
 * it is forwarded like every 2xx, and must not live on unseen: the session can be released. */
static void test_sc_0a_a_2xx_that_crosses_the_cancel(void **state)
{
	struct call call = {.id = "c1"};
	struct scene s;

	(void)state;
	open_ringing(&s, true);
	register_carl(&s, DEV1, 0);
	assert_int_equal(wire_count(&s.wire, DEV1, "CANCEL"), 1);
	device_answers(&s, DEV1, "200 OK");
	assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 200"), 1);
	party_of_caller(&call.alice, ALICE, last_to(&s, ALICE, "SIP/2.0 200"));
	party_says(&s, &call.alice, "ACK", "");
	assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 1);
	wire_release_all(&s.wire, 480);
	assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, ALICE, "BYE"), 1);
	end_test(&s);
}

/* @req SC-7 SC-0  The calling user's contact goes while it rings: everything is cancelled, and it gets its final response. */
static void test_sc_7_the_caller_goes_while_it_rings(void **state)
{
	struct scene s;

	(void)state;
	open_two_devices(&s);
	wire_feed(&s.wire, DEV1,
		  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:7201;branch=z9hG4bKk1\nMax-Forwards: 70\n"
		  "From: <sip:carl@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "k1\nCSeq: 1 INVITE\nContact: <sip:carl@127.0.0.1:7201>\nContent-Length: 0\n\n");
	wire_answer(&s.wire, BOB, last_to(&s, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	register_carl(&s, DEV1, 0);
	assert_int_equal(wire_count(&s.wire, BOB, "CANCEL"), 1);
	assert_int_equal(wire_count(&s.wire, DEV1, "SIP/2.0 480"), 1);
	wire_answer(&s.wire, BOB, last_to(&s, BOB, "INVITE"), "487 Request Terminated", "b", "");
	check_report(&s, "k1");
	end_test(&s);
}

/* @req SC-7  A fork with two 2xx: the dialog of the contact that goes takes the session along (SC-4), once. */
static void test_sc_7_both_devices_answered(void **state)
{
	struct party alice[2];
	struct scene s;

	(void)state;
	open_ringing(&s, true);
	device_answers(&s, DEV1, "200 OK");
	device_answers(&s, DEV2, "200 OK"); /* crosses the CANCEL */
	for (unsigned i = 0; i < 2; i++) {
		party_of_caller(&alice[i], ALICE, wire_sent(&s.wire, ALICE, "SIP/2.0 200", i));
		party_says(&s, &alice[i], "ACK", "");
	}
	/* carl's second device is ended by alice: nothing of the session is left there */
	party_says(&s, &alice[1], "BYE", "");
	wire_answer(&s.wire, DEV2, last_to(&s, DEV2, "BYE"), "200 OK", "", "");
	scene_forget(&s);
	register_carl(&s, DEV2, 0);
	assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 0);
	assert_int_equal(wire_counters(&s.wire)->sessions, 1);
	register_carl(&s, DEV1, 0);
	assert_int_equal(wire_count(&s.wire, DEV1, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, DEV2, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, ALICE, "BYE"), 1);
	answer_byes(&s);
	check_report(&s, "c1");
	end_test(&s);
}

/* @req SC-7  A contact that went and came back is another one: the calls of its first life are not those of its second. */
static void test_sc_7_a_contact_that_comes_back(void **state)
{
	struct call one, two;
	struct scene s;

	(void)state;
	open_two_devices(&s);
	call_to(&s, &one, "c1", DEV1);
	register_carl(&s, DEV1, 0);
	answer_byes(&s);
	assert_int_equal(wire_counters(&s.wire)->sessions, 0);
	register_carl(&s, DEV1, 600);
	call_to(&s, &two, "c2", DEV1);
	scene_forget(&s);
	register_carl(&s, DEV1, 0);
	check_released(&s, &two, DEV1);
	assert_null(of_call(&s, DEV1, "BYE", "c1"));
	assert_int_equal(wire_counters(&s.wire)->contacts_released, 2);
	end_test(&s);
}

/* ---------------------------------------------------------------- through application servers */

static void open_with_servers(struct scene *s)
{
	const struct test_criteria a[] = {{.uri = "sip:127.0.0.1:8001", .method = "INVITE"}};
	const struct test_criteria c[] = {{.uri = "sip:127.0.0.1:8101", .method = "INVITE"},
					  {.uri = "sip:127.0.0.1:8102", .method = "INVITE"}};

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 1);
	served_add("sip:carl@ims.example", c, 2);
	served_add("sip:bob@ims.example", NULL, 0);
	open_two_devices(s);
	scene_hop(s, A1);
	scene_hop(s, B1);
	scene_hop(s, B2);
}

/* @req SC-7 SC-3 SC-3a SC-3c  Calls through servers of both users: one BYE for each user and each server, of that call only. */
static void test_sc_7_calls_through_servers(void **state)
{
	static const uint16_t servers[] = {A1, B1, B2};

	(void)state;
	for (unsigned way = 0; way < WAYS; way++) {
		struct call one, two;
		struct scene s;

		if (takes_all((enum way)way))
			continue;
		open_with_servers(&s);
		call_to(&s, &one, "c1", DEV1);
		call_to(&s, &two, "c2", DEV2);
		assert_int_equal(wire_counters(&s.wire)->sessions, 2);
		scene_forget(&s);
		end_registration(&s, (enum way)way);
		answer_byes(&s);
		check_released(&s, &one, DEV1);
		check_untouched(&s, &two, DEV2);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(count_new(&s, servers[i], "BYE"), 1);
			assert_null(of_call(&s, servers[i], "BYE", "c2"));
		}
		check_report(&s, "c1");
		assert_int_equal(wire_counters(&s.wire)->contacts_released, 1);
		assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 1);
		end_test(&s);
	}
}

/* @req SC-7  The calling user's contact, behind its server: the one that she called from, and not her other one. */
static void test_sc_7_the_callers_contact_through_servers(void **state)
{
	static const uint16_t servers[] = {A1, B1, B2};

	(void)state;
	for (int is_hers = 0; is_hers < 2; is_hers++) {
		struct call call = {.id = "c1"};
		struct scene s;

		open_with_servers(&s);
		register_with(&s, "alice", 6001, "rega", "Contact: <sip:alice@127.0.0.1:6001>\n");
		register_with(&s, "alice", 6002, "regb", "Contact: <sip:alice@127.0.0.1:6002>\n");
		wire_feed(&s.wire, 6001,
			  "INVITE sip:carl@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6001;branch=z9hG4bKc1\nMax-Forwards: 70\n"
			  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:carl@ims.example>\n"
			  "Call-ID: c1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6001>\n"
			  "Content-Length: 0\n\n");
		settle(&s);
		device_answers(&s, DEV2, "486 Busy Here");
		device_answers(&s, DEV1, "200 OK");
		party_of_caller(&call.alice, 6001, last_to(&s, 6001, "SIP/2.0 200"));
		party_says(&s, &call.alice, "ACK", "");
		settle(&s);
		scene_forget(&s);
		register_with(&s, "alice", 6001, is_hers ? "rega" : "regb",
			      is_hers ? "Contact: <sip:alice@127.0.0.1:6001>;expires=0\n"
				      : "Contact: <sip:alice@127.0.0.1:6002>;expires=0\n");
		settle(&s);
		answer_byes(&s);
		assert_int_equal(wire_counters(&s.wire)->contacts_released, is_hers);
		assert_int_equal(count_new(&s, 6001, "BYE"), is_hers);
		assert_int_equal(count_new(&s, DEV1, "BYE"), is_hers);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(count_new(&s, servers[i], "BYE"), is_hers);
		assert_int_equal(wire_counters(&s.wire)->sessions, !is_hers);
		if (is_hers)
			check_report(&s, "c1");
		end_test(&s);
	}
}

/* @req SC-0a SC-7  While it rings behind servers: only that branch; the last one: 480 to the caller, and every server hears
 * of it. */
static void test_sc_0a_ringing_through_servers(void **state)
{
	struct scene s;

	(void)state;
	open_with_servers(&s);
	invite_carl(&s, "c1");
	device_answers(&s, DEV1, "180 Ringing");
	device_answers(&s, DEV2, "180 Ringing");
	register_carl(&s, DEV1, 0);
	settle(&s);
	assert_int_equal(wire_count(&s.wire, DEV1, "CANCEL"), 1);
	assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 0);
	assert_int_equal(wire_count(&s.wire, A1, "CANCEL"), 0);
	device_answers(&s, DEV1, "487 Request Terminated");
	assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 4"), 0);
	register_carl(&s, DEV2, 0);
	settle(&s);
	assert_int_equal(wire_count(&s.wire, DEV2, "CANCEL"), 1);
	assert_int_equal(wire_count(&s.wire, ALICE, "SIP/2.0 480"), 1);
	device_answers(&s, DEV2, "487 Request Terminated");
	scene_run(&s, 13000);
	check_report(&s, "c1");
	assert_int_equal(wire_counters(&s.wire)->contacts_released, 1);
	end_test(&s);
}

/* @req SC-7  On a copy of the registrar (another shard) the news comes as a line: the calls there are released too. */
static void test_sc_7_calls_of_another_shard(void **state)
{
	struct node_event event = {.kind = NODE_EVENT_BINDING};
	struct node_action action;
	struct call one, two;
	struct scene s;
	char bytes[4000];
	uint32_t n = 0;
	struct wire other;

	(void)state;
	open_two_devices(&s);
	call_to(&s, &one, "c1", DEV1);
	call_to(&s, &two, "c2", DEV2);
	scene_forget(&s);
	/* the registrar is elsewhere: what it says when DEV1 goes, learnt from a node with the same registrations */
	wire_open(&other, NULL);
	{
		struct scene t = {.wire = other};

		register_carl(&t, DEV1, 600);
		register_carl(&t, DEV2, 3600);
		node_deregister(t.wire.node, t.wire.now_ms, TEXT("sip:carl@ims.example"),
				TEXT("sip:carl@127.0.0.1:7201"));
		while (node_next_action(t.wire.node, &action))
			if (action.kind == NODE_ACTION_BINDING) {
				assert_in_range(n + action.bytes.len, 1, sizeof(bytes));
				memcpy(bytes + n, action.bytes.at, action.bytes.len);
				n += action.bytes.len;
			}
		node_actions_done(t.wire.node);
		scene_forget(&t);
		wire_close(&t.wire);
	}
	assert_true(n > 0);
	event.bytes = (struct text){bytes, n};
	node_feed(s.wire.node, s.wire.now_ms, &event);
	wire_collect(&s.wire);
	check_released(&s, &one, DEV1);
	check_untouched(&s, &two, DEV2);
	answer_byes(&s);
	check_report(&s, "c1");
	end_test(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_7_exactly_the_calls_of_the_contact_that_goes),
		cmocka_unit_test(test_sc_7_a_flow_that_is_replaced),
		cmocka_unit_test(test_sc_7_a_refresh_releases_nothing),
		cmocka_unit_test(test_sc_7_a_contact_of_the_calling_user),
		cmocka_unit_test(test_sc_7_many_calls_of_one_contact),
		cmocka_unit_test(test_sc_7_more_calls_than_one_step_may_send),
		cmocka_unit_test(test_sc_7_a_session_that_ends_already),
		cmocka_unit_test(test_sc_0a_only_that_branch_is_cancelled),
		cmocka_unit_test(test_sc_0a_the_other_rings_on_and_answers),
		cmocka_unit_test(test_sc_0a_the_other_is_busy),
		cmocka_unit_test(test_sc_7_the_last_branch_that_rings),
		cmocka_unit_test(test_sc_0a_a_2xx_that_crosses_the_cancel),
		cmocka_unit_test(test_sc_7_the_caller_goes_while_it_rings),
		cmocka_unit_test(test_sc_7_both_devices_answered),
		cmocka_unit_test(test_sc_7_a_contact_that_comes_back),
		cmocka_unit_test(test_sc_7_calls_through_servers),
		cmocka_unit_test(test_sc_7_the_callers_contact_through_servers),
		cmocka_unit_test(test_sc_0a_ringing_through_servers),
		cmocka_unit_test(test_sc_7_calls_of_another_shard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
