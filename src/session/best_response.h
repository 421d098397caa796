/* Which of the final responses of several branches goes back, RFC 3261 §16.7 step 6. */
#ifndef SESSION_BEST_RESPONSE_H
#define SESSION_BEST_RESPONSE_H

#include <stdbool.h>

/* Is `status` better than the best so far (0: none)? 6xx before all; else the lowest class; inside
 * 4xx those that help the caller to try again; a 408 of our own counts least in its class, and 503
 * least of the 5xx. */
bool best_response_is_better(unsigned status, unsigned best);

#endif
