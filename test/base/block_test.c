#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "base/block.c"

static void test_block_is_zeroed(void **state)
{
	unsigned char zero[100] = {0};
	unsigned char *block = block_open(20, 5);

	(void)state;
	assert_memory_equal(block, zero, sizeof(zero));
	memset(block, 0xff, sizeof(zero));
	block_close(block);
	block_close(NULL);
}

static void test_out_of_memory_is_an_answer(void **state)
{
	(void)state;
	allocations_left = 0;
	assert_null(block_open(1, 1));
	allocations_left = ULONG_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_is_zeroed),
		cmocka_unit_test(test_out_of_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
