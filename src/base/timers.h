/* Timer wheel: start, stop and expiry in O(1), the next deadline by looking at bitmaps. Times in
 * milliseconds of the node's clock. Timers are embedded in what they belong to, and zeroed before
 * their first use. Timers of one millisecond expire in an order that is not promised but is the
 * same in every run. */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMERS_LEVELS 11 /* six bits each: every time of 64 bits has its place */

struct timer {
	struct timer *next, **link; /* link is NULL when not running */
	uint64_t at_ms;
	uint8_t kind; /* the owner's: what of it expired */
	uint8_t level, slot;
};

struct timers {
	uint64_t now_ms;
	uint64_t occupied[TIMERS_LEVELS];
	struct timer *slots[TIMERS_LEVELS][64];
	uint64_t n_running;
};

#define TIMERS_NEVER UINT64_MAX

void timers_init(struct timers *timers, uint64_t now_ms);
/* (Re)starts; a time not after now expires at the next timers_expired(); any time is allowed,
 * TIMERS_NEVER too. `kind` must be set by the owner. */
void timers_start(struct timers *timers, struct timer *timer, uint64_t at_ms);
/* Stopping a timer that is not running does nothing. */
void timers_stop(struct timers *timers, struct timer *timer);
static inline bool timer_is_running(const struct timer *timer)
{
	return timer->link != NULL;
}
/* Moves the clock forward and takes out one expired timer, earliest deadline first; NULL when none
 * is left at now_ms. Call until NULL. */
struct timer *timers_expired(struct timers *timers, uint64_t now_ms);
/* When timers_expired() should be called next: never later than the earliest deadline; may be
 * earlier (a slot of a coarse level begins), in which case the call finds nothing. TIMERS_NEVER
 * when none is running. */
uint64_t timers_deadline(const struct timers *timers);

#endif
