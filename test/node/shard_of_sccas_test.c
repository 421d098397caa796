/* Which shard a message belongs to that arrives where the SCC AS listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "node/node.h"

#include <stdio.h>

#define REST "Call-ID: %u@msc.example\r\nCSeq: 1 INVITE\r\n\r\n"

static const char *const requests[] = {
	"INVITE tel:+4916000001 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-0-1\r\n" REST,
	"\r\n\r\nBYE sip:a@127.0.0.1:5070 SIP/2.0\r\n" REST,
	"INVITE sip:b@x SIP/2.0\r\nRoute: <sip:127.0.0.1:5070;lr;odi=0-1>\r\n" REST,
	"REGISTER sip:ims.example SIP/2.0\r\n" REST,
	"not SIP at all %u",
	"",
};

/* @req SV-3: the MSC server's call meets the session that it transfers. */
static void test_sv_3_all_requests_to_the_sccas_meet_on_one_shard(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 64; n++)
		for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
			char bytes[300];
			int len = snprintf(bytes, sizeof(bytes), requests[i], n * 7919);
			struct text message = {bytes, (uint32_t)len};

			assert_int_equal(node_shard_of_sccas(n), n - 1);
			assert_int_equal(node_shard_at_sccas(message, n), n - 1);
		}
}

static void test_a_response_to_the_sccas_goes_by_its_branch(void **state)
{
	(void)state;
	for (unsigned shard = 0; shard < 16; shard++) {
		char bytes[300];
		int len = snprintf(bytes, sizeof(bytes),
				   "%sSIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;"
				   "branch=z9hG4bKad-%x-7-8\r\n" REST,
				   shard % 2 ? "\r\n" : "", shard, shard);

		assert_int_equal(node_shard_at_sccas((struct text){bytes, (uint32_t)len}, 16),
				 shard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_3_all_requests_to_the_sccas_meet_on_one_shard),
		cmocka_unit_test(test_a_response_to_the_sccas_goes_by_its_branch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
