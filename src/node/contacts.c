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

static struct contact_use *use_at(const struct node *node, struct handle handle)
{
	return pool_at(node->contact_uses, handle);
}

/* The head of the list of a contact. A contact may have very many sessions (a gateway): the map has one
 * entry for each contact, and the rest is a list. */
static struct contact_use *first_use(const struct node *node, struct handle contact)
{
	uint32_t hash = hash_of(contact), at = map_first(&node->uses_by_contact, hash);
	uint64_t value;

	while ((value = map_value(&node->uses_by_contact, hash, &at))) {
		struct contact_use *use =
			use_at(node, (struct handle){(uint32_t)value, (uint32_t)(value >> 32)});

		if (handle_equal(use->contact, contact))
			return use;
	}
	return NULL;
}

struct handle contact_join(struct node *node, struct handle contact, const struct session *session)
{
	struct contact_use *use, *second;
	struct handle handle;

	if (!handle_is_set(contact))
		return NO_HANDLE;
	use = pool_take(node->contact_uses, &handle);
	if (!use) {
		node->counters.lost_memory++;
		return NO_HANDLE;
	}
	use->contact = contact;
	use->session = pool_handle(node->sessions, session);
	second = first_use(node, contact);
	if (second) { /* behind the head, which stays where the map shows */
		struct contact_use *third = use_at(node, second->next);

		use->previous = pool_handle(node->contact_uses, second);
		use->next = second->next;
		second->next = handle;
		if (third)
			third->previous = handle;
	} else if (!map_insert(&node->uses_by_contact, hash_of(contact), as_value(handle))) {
		node->counters.lost_memory++;
		pool_give_back(node->contact_uses, use);
		return NO_HANDLE;
	}
	return handle;
}

void contact_leave(struct node *node, struct handle *handle)
{
	struct contact_use *use = use_at(node, *handle);
	struct contact_use *next = use ? use_at(node, use->next) : NULL;
	struct contact_use *previous = use ? use_at(node, use->previous) : NULL;

	if (!use)
		return;
	if (next)
		next->previous = use->previous;
	if (previous) {
		previous->next = use->next;
	} else {
		uint32_t hash = hash_of(use->contact);

		/* The place in the map is there already: this cannot fail for want of memory. */
		map_remove(&node->uses_by_contact, hash, as_value(*handle));
		if (next)
			map_insert(&node->uses_by_contact, hash, as_value(use->next));
	}
	pool_give_back(node->contact_uses, use);
	*handle = NO_HANDLE;
}

static bool is_of_contact(const struct node *node, struct handle use, struct handle contact)
{
	const struct contact_use *found = use_at(node, use);

	return found && handle_equal(found->contact, contact);
}

static bool is_dialog_of(const struct node *node, const struct session *session,
			 struct handle contact)
{
	const struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (is_of_contact(node, dialog->contact_use, contact) &&
		    dialog->state != DIALOG_ENDED)
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
		if (client->final_status || client->is_cancelled || client->cancel_wanted)
			continue;
		others += !is_of_contact(node, client->contact_use, contact);
	}
	for (struct handle h = invite && others ? invite->first_branch : NO_HANDLE;
	     (client = pool_at(node->clients, h)); h = client->next)
		if (is_of_contact(node, client->contact_use, contact)) {
			client->is_withdrawn = true;
			client_cancel(node, client, text_written(&reason));
		}
	return others;
}

static bool release_of(struct node *node, struct session *session, struct handle contact)
{
	struct session *first = session_first(node, session);
	bool of_calling = is_of_contact(node, session->calling_contact_use, contact);

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
	const struct contact_use *use = first_use(node, contact);
	unsigned n = 0;

	for (; use && n < BATCH; use = use_at(node, use->next)) {
		const struct session *session = session_at(node, use->session);

		if (session && session->state < SESSION_RELEASING &&
		    !session_first(node, session)->release_why)
			ret[n++] = use->session;
	}
	return n;
}

/* A release changes the list that is walked: so in batches, as long as one of them releases anything. */
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
		if (gone.why != BINDING_GONE_TAKEN_OUT) /* a reload touches no call */
			release_all_of(node, gone.binding);
}
