/* TS 24.229 §5.4.3.2  Who sends from where: the registered contacts at an address
 *
 * A device without a P-CSCF is known by where it has registered. The contacts whose URI has a literal address
 * are listed under it: the map has one entry for each address, and the rest is a list, since very many may
 * share one (a gateway, a load generator). */
#include "base/limits.h"
#include "roles/scscf/bindings.h"
#include "sip/uri.h"

#define DEFAULT_PORT 5060u

static bool contact_endpoint(const struct binding *binding, struct endpoint *ret)
{
	struct sip_uri uri;

	*ret = (struct endpoint){0};
	if (!sip_uri_parse(binding_text(binding, BINDING_CONTACT), &uri) ||
	    !endpoint_parse_ip(uri.host, ret))
		return false;
	ret->port = uri.port ? uri.port : DEFAULT_PORT;
	return true;
}

bool binding_is_at(const struct binding *binding, const struct endpoint *source)
{
	struct endpoint contact;

	return contact_endpoint(binding, &contact) && endpoint_same_address(&contact, source) &&
	       (transport_is_reliable(source->transport) || source->port == contact.port);
}

/* ---------------------------------------------------------------- the list of an address */

static uint32_t hash_of(const struct bindings *bindings, const struct endpoint *address)
{
	return (uint32_t)hash_bytes(&bindings->key, address->ip, address->family == 4 ? 4 : 16);
}

static struct binding *first_at(const struct bindings *bindings, const struct endpoint *address)
{
	uint32_t hash = hash_of(bindings, address), at = map_first(&bindings->by_address, hash);
	uint64_t value;

	while ((value = map_value(&bindings->by_address, hash, &at))) {
		struct binding *first = pool_at(bindings->pool, handle_of_value(value));
		struct endpoint contact;

		if (first && contact_endpoint(first, &contact) &&
		    endpoint_same_address(&contact, address))
			return first;
	}
	return NULL;
}

void bindings_list_at_address(struct bindings *bindings, struct binding *binding)
{
	struct handle own = pool_handle(bindings->pool, binding);
	struct binding *first, *second;
	struct endpoint address;

	if (!contact_endpoint(binding, &address))
		return;
	first = first_at(bindings, &address);
	binding->address_hash = hash_of(bindings, &address);
	binding->next_at_address = binding->previous_at_address = NO_HANDLE;
	if (!first) {
		binding->is_at_address = map_insert(&bindings->by_address, binding->address_hash,
						    handle_as_value(own));
		return;
	}
	/* Behind the head, which stays where the map shows. */
	second = pool_at(bindings->pool, first->next_at_address);
	binding->previous_at_address = pool_handle(bindings->pool, first);
	binding->next_at_address = first->next_at_address;
	first->next_at_address = own;
	if (second)
		second->previous_at_address = own;
	binding->is_at_address = true;
}

void bindings_unlist_at_address(struct bindings *bindings, struct binding *binding)
{
	struct binding *next = pool_at(bindings->pool, binding->next_at_address);
	struct binding *previous = pool_at(bindings->pool, binding->previous_at_address);

	if (!binding->is_at_address)
		return;
	binding->is_at_address = false;
	if (next)
		next->previous_at_address = binding->previous_at_address;
	if (previous) {
		previous->next_at_address = binding->next_at_address;
		return;
	}
	map_remove(&bindings->by_address, binding->address_hash,
		   handle_as_value(pool_handle(bindings->pool, binding)));
	/* The place in the map is there already: this cannot fail for want of memory. */
	if (next)
		map_insert(&bindings->by_address, binding->address_hash,
			   handle_as_value(binding->next_at_address));
}

/* ---------------------------------------------------------------- whose they are */

bool bindings_only_user_at(const struct bindings *bindings, const struct endpoint *source,
			   struct text *ret_user)
{
	const struct binding *binding = first_at(bindings, source);
	struct text user = {0};

	for (unsigned seen = 0; binding; seen++) {
		struct text of = binding_text(binding, BINDING_USER);

		if (seen == BINDINGS_AT_ADDRESS_LOOKED_AT)
			return false; /* too many to say */
		if (binding_is_at(binding, source)) {
			if (user.len && !text_equal(user, of))
				return false;
			user = of;
		}
		binding = pool_at(bindings->pool, binding->next_at_address);
	}
	*ret_user = user;
	return user.len > 0;
}
