/* TS 24.229 §5.4.5.2 and §5.4.5.3: what a final response inside a dialog means, and the end of the session interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roles/scscf/scscf.h"

static const unsigned statuses[] = {0,   299, 300, 200, 202, 302, 400, 401, 403, 404, 405, 407,
				    408, 410, 415, 416, 420, 480, 481, 482, 483, 484, 485, 486,
				    487, 488, 489, 491, 500, 501, 502, 503, 504, 600, 603, 604};

static const enum sip_method methods[] = {SIP_METHOD_OTHER, SIP_INVITE, SIP_BYE,    SIP_OPTIONS,
					  SIP_PRACK,        SIP_UPDATE, SIP_INFO,   SIP_SUBSCRIBE,
					  SIP_NOTIFY,       SIP_REFER,  SIP_MESSAGE};

#define N(a) (sizeof(a) / sizeof(a[0]))

/* SC-9, RC-11: which final response ends the dialog. */
static bool ends(enum sip_method method, unsigned status)
{
	switch (method) {
	case SIP_BYE:
		return status == 0 || status == 481 || status == 408 ||
		       (status >= 200 && status < 300);
	case SIP_INVITE:
	case SIP_UPDATE:
	case SIP_PRACK:
	case SIP_INFO: return status == 481;
	default: return false;
	}
}

/* @req SC-9 RC-11 RC-6 RF-5 */
static void test_sc_9_every_method_and_status_in_every_state(void **state)
{
	(void)state;
	for (size_t m = 0; m < N(methods); m++)
		for (size_t s = 0; s < N(statuses); s++)
			for (int from = 0; from < 2; from++)
				for (int st = DIALOG_EARLY; st <= DIALOG_ENDED; st++) {
					struct dialog dialog = {.state = (uint8_t)st};
					struct scscf_dialogs all = {.n = 1, .list = {&dialog}};
					struct session session = {.state = SESSION_CONFIRMED};
					struct actions out = {.n = 0};
					bool over = ends(methods[m], statuses[s]) &&
						    st < DIALOG_RELEASING &&
						    (st != DIALOG_EARLY || methods[m] == SIP_BYE);

					scscf_final_in_dialog(&session, &dialog,
							      (enum dialog_side)from, methods[m],
							      statuses[s], &all, &out);
					if ((out.n > 0) != over)
						fail_msg("%s %u in state %d",
							 sip_method_name(methods[m]), statuses[s],
							 st);
					if (!over)
						continue;
					assert_int_equal(out.n, 2);
					assert_int_equal(out.list[0].verb, END_DIALOG);
					assert_ptr_equal(out.list[0].dialog, &dialog);
					assert_int_equal(out.list[1].verb, END_SESSION);
					assert_int_equal(out.list[1].status, statuses[s]);
					if (st !=
					    DIALOG_EARLY) /* of an early one the INVITE says how it ends */
						assert_int_equal(
							out.list[1].end,
							methods[m] != SIP_BYE ? SESSION_END_LOST
							: from == SIDE_CALLING
								? SESSION_END_BYE_OF_CALLING
								: SESSION_END_BYE_OF_CALLED);
					assert_int_equal(out.list[1].clause,
							 methods[m] != SIP_BYE ? CLAUSE_LOST_DIALOG
							 : statuses[s] / 100 == 2
								 ? CLAUSE_RELEASED_BY_ANOTHER
								 : CLAUSE_BYE_ANSWER_COUNTS);
				}
}

/* @req SC-13 RC-6 RC-19  The session ends with its last dialog, and not while a branch is still out. */
static void test_sc_13_one_dialog_of_several_ends_alone(void **state)
{
	(void)state;
	for (int other = DIALOG_EARLY; other <= DIALOG_ENDED; other++)
		for (uint8_t pending = 0; pending < 3; pending++) {
			struct dialog dialogs[2] = {{.state = DIALOG_CONFIRMED},
						    {.state = (uint8_t)other}};
			struct scscf_dialogs all = {.n = 2, .list = {&dialogs[0], &dialogs[1]}};
			struct session session = {.state = SESSION_CONFIRMED,
						  .pending_branches = pending};
			struct actions out = {.n = 0};

			scscf_final_in_dialog(&session, &dialogs[0], SIDE_CALLED, SIP_BYE, 200,
					      &all, &out);
			assert_int_equal(out.n, other == DIALOG_ENDED && pending == 0 ? 2 : 1);
			assert_int_equal(out.list[0].verb, END_DIALOG);
			assert_ptr_equal(out.list[0].dialog, &dialogs[0]);
			assert_int_equal(dialogs[1].state, other);
		}
}

/* @req SC-9 PX-11  The dialogs are over before the last branch is: whoever ended the last of them ended the session. */
static void test_sc_9_the_last_branch_speaks_after_the_last_dialog(void **state)
{
	(void)state;
	for (int st = SESSION_ESTABLISHING; st <= SESSION_ENDED; st++)
		for (uint8_t pending = 0; pending < 3; pending++)
			for (int ended = 0; ended < 3; ended++) {
				struct dialog dialogs[2] = {{.state = DIALOG_CONFIRMED},
							    {.state = DIALOG_CONFIRMED}};
				struct scscf_dialogs all = {.n = 2,
							    .list = {&dialogs[0], &dialogs[1]}};
				struct session session = {.state = (uint8_t)st,
							  .pending_branches = 5};
				struct actions out = {.n = 0};

				for (int i = 0; i < ended; i++) {
					out.n = 0;
					scscf_final_in_dialog(&session, &dialogs[i],
							      i ? SIDE_CALLED : SIDE_CALLING,
							      SIP_BYE, 200, &all, &out);
					assert_int_equal(out.n, 1);
					dialogs[i].state = DIALOG_ENDED;
				}
				session.pending_branches = pending;
				out.n = 0;
				scscf_last_branch_is_final(&session, &all, &out);
				assert_int_equal(out.n, (st == SESSION_ANSWERED ||
							 st == SESSION_CONFIRMED) &&
								pending == 0 && ended == 2);
				if (!out.n)
					continue;
				assert_int_equal(out.list[0].verb, END_SESSION);
				assert_int_equal(out.list[0].end, SESSION_END_BYE_OF_CALLED);
				assert_int_equal(out.list[0].status, 200);
			}
}

/* @req SC-9a RF-13  Forgotten, every dialog of it, and nothing sent. */
static void test_sc_9a_the_interval_is_over(void **state)
{
	struct dialog dialogs[5];
	struct scscf_dialogs all = {.n = 5};
	struct session session = {.state = SESSION_CONFIRMED};
	struct actions out = {.n = 0};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		dialogs[i] = (struct dialog){.state = (uint8_t)i};
		all.list[i] = &dialogs[i];
	}
	scscf_session_expired(&session, &all, &out);
	assert_int_equal(out.n, 5);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(out.list[i].verb, END_DIALOG);
		assert_ptr_equal(out.list[i].dialog, &dialogs[i]);
	}
	assert_int_equal(out.list[4].verb, END_SESSION);
	assert_int_equal(out.list[4].end, SESSION_END_SESSION_TIMER);
	assert_int_equal(out.list[4].clause, CLAUSE_SESSION_EXPIRED);
	all.n = 0;
	out.n = 0;
	scscf_session_expired(&session, &all, &out);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.list[0].verb, END_SESSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_9_every_method_and_status_in_every_state),
		cmocka_unit_test(test_sc_13_one_dialog_of_several_ends_alone),
		cmocka_unit_test(test_sc_9_the_last_branch_speaks_after_the_last_dialog),
		cmocka_unit_test(test_sc_9a_the_interval_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
