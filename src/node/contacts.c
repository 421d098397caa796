/* TS 24.229 §5.4.5.1.2A  The sessions of a contact whose registration ended */
#include "node/internal.h"

#include "base/limits.h"

#include <assert.h>

static uint32_t hash_of(struct handle contact)
{
	return (contact.index * 2654435761u) ^ contact.generation;
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
		struct contact_use *use = use_at(node, handle_of_value(value));

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
	} else if (!map_insert(&node->uses_by_contact, hash_of(contact), handle_as_value(handle))) {
		node->counters.lost_memory++;
		pool_give_back(node->contact_uses, use);
		return NO_HANDLE;
	}
	return handle;
}

static void take_off(struct node *node, struct contact_use *use)
{
	struct contact_use *next = use_at(node, use->next), *previous = use_at(node, use->previous);

	if (next)
		next->previous = use->previous;
	if (previous) {
		previous->next = use->next;
	} else {
		uint32_t hash = hash_of(use->contact);

		/* The place in the map is there already: this cannot fail for want of memory. */
		map_remove(&node->uses_by_contact, hash,
			   handle_as_value(pool_handle(node->contact_uses, use)));
		if (next)
			map_insert(&node->uses_by_contact, hash, handle_as_value(use->next));
	}
	use->next = use->previous = NO_HANDLE;
}

void contact_leave(struct node *node, struct handle *handle)
{
	struct contact_use *use = use_at(node, *handle);

	if (!use)
		return;
	*handle = NO_HANDLE;
	if (use->is_gone) { /* it holds the place of its contact until the others have been looked at */
		use->has_left = true;
		return;
	}
	if (!use->was_looked_at)
		take_off(node, use);
	pool_give_back(node->contact_uses, use);
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

/* An earlier use of this contact has been looked at, and the others ring on. */
static bool is_withdrawn_from(const struct node *node, const struct session *session,
			      struct handle contact)
{
	const struct server_transaction *invite = pool_at(node->servers, session->invite);
	const struct client_transaction *client;

	for (struct handle h = invite ? invite->first_branch : NO_HANDLE;
	     (client = pool_at(node->clients, h)); h = client->next)
		if (client->is_withdrawn && is_of_contact(node, client->contact_use, contact))
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
	unsigned others = passages_ring_elsewhere(node, session);

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

static bool is_ending(const struct node *node, const struct session *session)
{
	const struct session *first = session_first(node, session);

	return session->state >= SESSION_RELEASING || first->release_why ||
	       session_state_of_all(node, first) >= SESSION_RELEASING;
}

static void release_of(struct node *node, struct session *session, struct handle contact)
{
	bool of_calling = is_of_contact(node, session->calling_contact_use, contact);

	if (session->state == SESSION_ESTABLISHING && !of_calling) {
		if (is_withdrawn_from(node, session, contact) ||
		    cancel_branches_of(node, session, contact) > 0)
			return;
	} else if (!of_calling && !is_dialog_of(node, session, contact)) {
		return;
	}
	session_release(node, session_first(node, session), node->settings->release_status,
			(struct text){0}, 0, CLAUSE_DEREGISTERED);
}

/* ---------------------------------------------------------------- contacts that are gone */

/* The contacts that wait stand in a queue that runs through their first uses, so there is no bound to
 * reach: a contact without sessions takes no place, and one with sessions has it already. Their bindings
 * need not be kept. */
static void queue_contact(struct node *node, struct handle contact)
{
	struct contact_use *first = first_use(node, contact), *last = use_at(node, node->last_gone);
	struct handle handle = first ? pool_handle(node->contact_uses, first) : NO_HANDLE;

	if (!first)
		return;
	assert(!first->is_gone); /* a binding goes once */
	first->is_gone = true;
	if (last)
		last->next_gone = handle;
	else
		node->first_gone = handle;
	node->last_gone = handle;
}

bool contacts_wait(const struct node *node)
{
	return handle_is_set(node->first_gone);
}

/* The first one is last: what joins the contact meanwhile, a dialog of a branch that waits here, stands
 * behind it and is looked at as well. */
static struct contact_use *next_use(const struct node *node)
{
	struct contact_use *first = use_at(node, node->first_gone);
	struct contact_use *second = first ? use_at(node, first->next) : NULL;

	return second ? second : first;
}

static void set_looked_at(struct node *node, struct contact_use *use)
{
	take_off(node, use);
	use->was_looked_at = true;
	if (use->is_gone) {
		node->first_gone = use->next_gone;
		if (!handle_is_set(node->first_gone))
			node->last_gone = NO_HANDLE;
		use->is_gone = false;
	}
	if (use->has_left)
		pool_give_back(node->contact_uses, use);
}

/* @req SC-7a
 * Each use is looked at once: it leaves the list before its session is released, which may end both.
 * false: there are no transactions for it now, and it waits. */
static bool look_at(struct node *node, struct contact_use *use)
{
	struct session *session = use->has_left ? NULL : session_at(node, use->session);
	struct handle contact = use->contact;

	if (session && is_ending(node, session))
		session = NULL;
	if (session && !release_has_transactions_for(node, session_first(node, session)))
		return false;
	set_looked_at(node, use);
	if (session)
		release_of(node, session, contact);
	return true;
}

/* As an order is worked off, but without its pace: that one is for the operator, who can choose when, and
 * spares the network a wave that nobody needs at once. These calls have lost their user already, so they
 * go as fast as there is room. */
void contacts_go_on(struct node *node)
{
	struct contact_use *use;
	unsigned looked = 0;

	while (looked++ < LIMIT_USES_PER_STEP && node_has_room(node) && (use = next_use(node)))
		if (!look_at(node, use))
			return;
}

void contacts_gone(struct node *node)
{
	struct handle last = node->last_gone;
	struct binding_gone gone;

	while (bindings_next_gone(&node->bindings, &gone))
		if (gone.why != BINDING_GONE_TAKEN_OUT) /* a reload touches no call */
			queue_contact(node, gone.binding);
	if (handle_equal(last, node->last_gone))
		return; /* nothing new: the others have their tick */
	contacts_go_on(node);
	releases_arm(node);
}
