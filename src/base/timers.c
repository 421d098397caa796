#include "base/timers.h"

#include <assert.h>
#include <string.h>

void timers_init(struct timers *timers, uint64_t now_ms)
{
	memset(timers, 0, sizeof(*timers));
	timers->now_ms = now_ms;
}

/* The level is that of the highest 6-bit digit in which the deadline differs from now. */
static void place(struct timers *timers, struct timer *timer)
{
	uint64_t at = timer->at_ms > timers->now_ms ? timer->at_ms : timers->now_ms;
	uint64_t differs = at ^ timers->now_ms;
	unsigned level = differs ? (63u - (unsigned)__builtin_clzll(differs)) / 6 : 0;
	struct timer **head;

	assert(level < TIMERS_LEVELS);
	timer->level = (uint8_t)level;
	timer->slot = (uint8_t)((at >> (6 * level)) & 63);
	head = &timers->slots[level][timer->slot];
	timer->next = *head;
	timer->link = head;
	if (*head)
		(*head)->link = &timer->next;
	*head = timer;
	timers->occupied[level] |= 1ULL << timer->slot;
}

static void unlink_timer(struct timers *timers, struct timer *timer)
{
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	timer->link = NULL;
	timer->next = NULL;
	if (!timers->slots[timer->level][timer->slot])
		timers->occupied[timer->level] &= ~(1ULL << timer->slot);
}

void timers_start(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
	timers_stop(timers, timer);
	timer->at_ms = at_ms;
	place(timers, timer);
	timers->n_running++;
}

void timers_stop(struct timers *timers, struct timer *timer)
{
	if (!timer->link)
		return;
	unlink_timer(timers, timer);
	timers->n_running--;
}

/* Begin of the first occupied slot at or after now, over all levels; the level in *ret_level. */
static uint64_t first_slot(const struct timers *timers, unsigned *ret_level)
{
	for (unsigned level = 0; level < TIMERS_LEVELS; level++) {
		unsigned now_slot = (unsigned)(timers->now_ms >> (6 * level)) & 63;
		uint64_t ahead = timers->occupied[level] >> now_slot;
		uint64_t slot;

		if (!ahead)
			continue;
		slot = now_slot + (unsigned)__builtin_ctzll(ahead);
		*ret_level = level;
		return ((timers->now_ms >> (6 * level) >> 6 << 6) | slot) << (6 * level);
	}
	return TIMERS_NEVER;
}

uint64_t timers_deadline(const struct timers *timers)
{
	unsigned level;
	uint64_t at = timers->n_running ? first_slot(timers, &level) : TIMERS_NEVER;

	return at < timers->now_ms ? timers->now_ms : at;
}

struct timer *timers_expired(struct timers *timers, uint64_t now_ms)
{
	while (timers->n_running) {
		unsigned level = 0;
		uint64_t at = first_slot(timers, &level);
		struct timer **head;

		if (at > now_ms)
			break;
		if (at > timers->now_ms)
			timers->now_ms = at;
		head = &timers->slots[level][(at >> (6 * level)) & 63];
		if (level == 0) {
			struct timer *timer = *head;

			unlink_timer(timers, timer);
			timers->n_running--;
			return timer;
		}
		while (*head) { /* spread a coarse slot over the finer levels */
			struct timer *timer = *head;

			unlink_timer(timers, timer);
			place(timers, timer);
		}
	}
	if (now_ms > timers->now_ms)
		timers->now_ms = now_ms;
	return NULL;
}
