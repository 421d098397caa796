/* TS 24.229 §5.4.5.1.2A  The sessions of a contact whose registration ended */
#include "node/internal.h"

static uint32_t hash_of(struct handle contact)
{
	return (contact.index * 2654435761u) ^ contact.generation;
}

static uint64_t as_value(struct handle h)
{
	return (uint64_t)h.generation << 32 | h.index;
}

void contact_add(struct node *node, struct handle contact, const struct session *session)
{
	if (handle_is_set(contact) &&
	    !map_insert(&node->sessions_by_contact, hash_of(contact),
			as_value(pool_handle(node->sessions, session))))
		node->counters.lost_memory++;
}

void contact_remove(struct node *node, struct handle contact, const struct session *session)
{
	if (handle_is_set(contact))
		map_remove(&node->sessions_by_contact, hash_of(contact),
			   as_value(pool_handle(node->sessions, session)));
}

static bool is_dialog_of(const struct node *node, const struct session *session,
			 struct handle contact)
{
	const struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (handle_equal(dialog->contact, contact) && dialog->state != DIALOG_ENDED)
			return true;
	return false;
}

/* @req SC-0a
 * While it rings only the branches of that contact are cancelled; the others ring on. Returns how many
 * branches of other contacts there are. */
static unsigned cancel_branches_of(struct node *node, struct session *session,
				   struct handle contact)
{
	struct server_transaction *invite = pool_at(node->servers, session->invite);
	struct client_transaction *client;
	char bytes[96];
	struct text_writer reason = text_writer_on(bytes, sizeof(bytes));
	unsigned others = 0;

	put_reason_line(&reason, node->settings->release_status, (struct text){0});
	for (struct handle h = invite ? invite->first_branch : NO_HANDLE;
	     (client = pool_at(node->clients, h)); h = client->next) {
		if (client->final_status || client->is_cancelled)
			continue;
		others += !handle_equal(client->contact, contact);
	}
	for (struct handle h = invite && others ? invite->first_branch : NO_HANDLE;
	     (client = pool_at(node->clients, h)); h = client->next)
		if (handle_equal(client->contact, contact))
			client_cancel(node, client, text_written(&reason));
	return others;
}

static bool release_of(struct node *node, struct session *session, struct handle contact)
{
	struct session *first = session_first(node, session);
	bool of_calling = handle_equal(session->calling_contact, contact);

	if (session->state >= SESSION_RELEASING || first->release_why)
		return false;
	if (session->state == SESSION_ESTABLISHING && !of_calling) {
		if (cancel_branches_of(node, session, contact) > 0)
			return false;
	} else if (!of_calling && !is_dialog_of(node, session, contact)) {
		return false;
	}
	session_release(node, first, node->settings->release_status, (struct text){0}, 0,
			CLAUSE_DEREGISTERED);
	return true;
}

#define BATCH 64u

static unsigned gather(const struct node *node, struct handle contact, struct handle *ret)
{
	uint32_t hash = hash_of(contact), at = map_first(&node->sessions_by_contact, hash);
	uint64_t value;
	unsigned n = 0;

	while (n < BATCH && (value = map_value(&node->sessions_by_contact, hash, &at))) {
		struct handle handle = {(uint32_t)value, (uint32_t)(value >> 32)};
		const struct session *session = session_at(node, handle);

		if (session && session->state < SESSION_RELEASING &&
		    !session_first(node, session)->release_why)
			ret[n++] = handle;
	}
	return n;
}

/* A release changes the map that is walked: so in batches, as long as one of them releases anything. */
static void release_all_of(struct node *node, struct handle contact)
{
	struct handle batch[BATCH];
	unsigned n, released;

	do {
		released = 0;
		n = gather(node, contact, batch);
		for (unsigned i = 0; i < n; i++) {
			struct session *session = session_at(node, batch[i]);

			released += session && release_of(node, session, contact);
		}
	} while (released);
}

void contacts_gone(struct node *node)
{
	struct binding_gone gone;

	while (bindings_next_gone(&node->bindings, &gone))
		release_all_of(node, gone.binding);
}
