#include "session/best_response.h"

/* Lower is better. */
static unsigned rank(unsigned status)
{
	unsigned class = status / 100;

	if (class == 6)
		return 0;
	switch (status) {
	case 401:
	case 407:
	case 415:
	case 420:
	case 484: return 400; /* they say what a further try needs */
	case 408: return 499;
	case 503: return 599;
	default: return class * 100 + 50;
	}
}

bool best_response_is_better(unsigned status, unsigned best)
{
	return best == 0 || rank(status) < rank(best);
}
