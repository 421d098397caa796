#include "session/journal.h"

#include "base/limits.h"

#include <string.h>

#define KEPT_FROM_START 16u

static bool grow(struct journal *journal, struct store *store)
{
	unsigned max = journal->max ? journal->max * 2u : 8u;
	struct journal_record *larger;

	if (max > LIMIT_JOURNAL_RECORDS)
		return false;
	larger = store_take(store, max * sizeof(*larger));
	if (!larger)
		return false;
	if (journal->n)
		memcpy(larger, journal->records, journal->n * sizeof(*larger));
	store_give_back(store, journal->records, journal->max * sizeof(*larger));
	journal->records = larger;
	journal->max = (uint8_t)max;
	return true;
}

void journal_add(struct journal *journal, struct store *store, struct journal_record record)
{
	/* Once the ring runs it is not made larger: the order of time would be lost. */
	if (journal->n < journal->max || (journal->ring_next == 0 && grow(journal, store))) {
		journal->records[journal->n++] = record;
		return;
	}
	if (journal->lost < UINT16_MAX)
		journal->lost++;
	if (journal->max <= KEPT_FROM_START)
		return; /* no memory to be had: keep the beginning */
	if (journal->ring_next < KEPT_FROM_START || journal->ring_next >= journal->max)
		journal->ring_next = KEPT_FROM_START;
	journal->records[journal->ring_next++] = record;
}

void journal_clear(struct journal *journal, struct store *store)
{
	store_give_back(store, journal->records, journal->max * sizeof(struct journal_record));
	*journal = (struct journal){0};
}

const struct journal_record *journal_record_at(const struct journal *journal, unsigned i)
{
	unsigned ring, from;

	if (i >= journal->n)
		return NULL;
	if (i < KEPT_FROM_START || journal->ring_next == 0)
		return &journal->records[i];
	ring = journal->n - KEPT_FROM_START;
	from = journal->ring_next - KEPT_FROM_START;
	return &journal->records[KEPT_FROM_START + (i - KEPT_FROM_START + from) % ring];
}

struct journal_record *journal_record_back(struct journal *journal, unsigned i)
{
	if (i >= journal->n)
		return NULL;
	return (struct journal_record *)(uintptr_t)journal_record_at(journal, journal->n - 1u - i);
}

const char *journal_reason_name(enum journal_reason reason)
{
	switch (reason) {
	case REASON_NONE: return "";
	case REASON_SIP: return "SIP";
	case REASON_Q850: return "Q.850";
	case REASON_PREEMPTION: return "Preemption";
	case REASON_RELEASE_CAUSE: return "RELEASE_CAUSE";
	case REASON_OTHER: return "other";
	}
	return "";
}
