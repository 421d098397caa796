#include "roles/words.h"

#include <assert.h>

void act(struct actions *out, struct action action)
{
	assert(out->n < ACTIONS_MAX);
	out->list[out->n++] = action;
}
