/* TS 23.237 §5.3.1: which C-MSISDN, private identity and public identities are the same user's.
 * Everything is found by hash. @req SV-3 */
#include "roles/sccas/users.h"

#include "base/block.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/store.h"
#include "sip/uri.h"

#define MEMORY_BYTES_MAX ((size_t)1 << 30)
#define DIGITS_MIN       3u
#define DIGITS_MAX       15u /* ITU-T E.164 */
#define NUMBER_BYTES     (1 + DIGITS_MAX)
#define ADDRESS_BYTES    (LIMIT_URI_BYTES * 3) /* each character may become an escape */
#define TEL              TEXT("tel:")

/* The names come from the operator, so nobody can aim at this key. */
static const struct hash_key KEY = {{0x61646965752d7363ull, 0x63617375736572ull}};

struct entry {
	struct sccas_user user;
	struct text tel; /* the C-MSISDN as tel URI; user.c_msisdn looks into it */
};

/* All values are struct entry. */
struct sccas_users {
	struct map by_number, by_private_identity, by_identity;
	struct store *memory;
	unsigned n;
};

/* ------------------------------------------------------------------ life */

struct sccas_users *sccas_users_open(void)
{
	struct sccas_users *users = block_open(1, sizeof(*users));

	if (!users)
		return NULL;
	users->memory = store_open(MEMORY_BYTES_MAX);
	if (users->memory)
		return users;
	block_close(users);
	return NULL;
}

void sccas_users_close(struct sccas_users *users)
{
	if (!users)
		return;
	map_clear(&users->by_number);
	map_clear(&users->by_private_identity);
	map_clear(&users->by_identity);
	store_close(users->memory);
	block_close(users);
}

/* Given back all at once, when the set is closed. */
static struct text keep(struct sccas_users *users, struct text text)
{
	char *at = store_take(users->memory, text.len);

	if (!at)
		return (struct text){0};
	if (text.len)
		memcpy(at, text.at, text.len);
	return (struct text){at, text.len};
}

/* ------------------------------------------------------------------ numbers and addresses */

static bool is_visual_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* RFC 3966 §5.1.1: separators mean nothing. RFC 3966 §3: what follows a semicolon is a parameter. */
static struct text read_number(struct text written, char bytes[NUMBER_BYTES])
{
	struct text_writer w = text_writer_on(bytes, NUMBER_BYTES);

	written.len = text_find(written, ';');
	if (written.len == 0 || written.at[0] != '+')
		return (struct text){0};
	text_put_char(&w, '+');
	for (uint32_t i = 1; i < written.len; i++) {
		if (written.at[i] >= '0' && written.at[i] <= '9')
			text_put_char(&w, written.at[i]);
		else if (!is_visual_separator(written.at[i]))
			return (struct text){0};
	}
	return w.full || w.len <= DIGITS_MIN ? (struct text){0} : text_written(&w);
}

/* Empty: not a sip or tel URI. */
static struct text address_of(struct text uri, char bytes[ADDRESS_BYTES])
{
	struct text_writer w = text_writer_on(bytes, ADDRESS_BYTES);
	struct sip_uri parsed;

	if (!sip_uri_parse(uri, &parsed) || parsed.scheme == SIP_URI_OTHER)
		return (struct text){0};
	sip_uri_put_address_of_record(&parsed, &w);
	return w.full ? (struct text){0} : text_written(&w);
}

/* The number of a URI, or one that stands alone; empty: none. */
static struct text number_of(struct text uri, char bytes[NUMBER_BYTES])
{
	char address_bytes[ADDRESS_BYTES];
	struct text address;
	uint32_t at;

	if (uri.len && uri.at[0] == '+')
		return read_number(uri, bytes);
	address = address_of(uri, address_bytes);
	at = text_find(address, '@');
	if (!text_starts_with_nocase(address, TEL) && at == address.len)
		return (struct text){0}; /* a host alone */
	address.len = at;
	return read_number(text_from(address, TEL.len), bytes); /* "sip:" is as long */
}

bool sccas_number_of(struct text uri, struct text_writer *w)
{
	char bytes[NUMBER_BYTES];
	struct text number = number_of(uri, bytes);

	text_put(w, number);
	return number.len != 0;
}

/* ------------------------------------------------------------------ finding */

static uint32_t hash_of(struct text name)
{
	return (uint32_t)hash_bytes(&KEY, name.at, name.len);
}

typedef bool is_named(const struct entry *entry, struct text name);

static bool has_number(const struct entry *entry, struct text number)
{
	return text_equal(entry->user.c_msisdn, number);
}

static bool has_private_identity(const struct entry *entry, struct text private_identity)
{
	return text_equal(entry->user.private_identity, private_identity);
}

static bool has_identity(const struct entry *entry, struct text address)
{
	for (unsigned i = 0; i < entry->user.n_identities; i++)
		if (text_equal(entry->user.identities[i], address))
			return true;
	return text_equal(entry->tel, address);
}

static const struct sccas_user *find(const struct map *map, struct text name, is_named *is_meant)
{
	uint32_t hash = hash_of(name), at = map_first(map, hash);
	uint64_t value;

	while ((value = map_value(map, hash, &at))) {
		const struct entry *entry = (const void *)(uintptr_t)value;

		if (is_meant(entry, name))
			return &entry->user;
	}
	return NULL;
}

const struct sccas_user *sccas_user_by_c_msisdn(const struct sccas_users *users, struct text uri)
{
	char bytes[NUMBER_BYTES];
	struct text number = number_of(uri, bytes);

	return users && number.len ? find(&users->by_number, number, has_number) : NULL;
}

const struct sccas_user *sccas_user_by_identity(const struct sccas_users *users, struct text uri)
{
	char bytes[ADDRESS_BYTES];
	struct text address = users ? address_of(uri, bytes) : (struct text){0};

	return address.len ? find(&users->by_identity, address, has_identity) : NULL;
}

const struct sccas_user *sccas_user_by_private_identity(const struct sccas_users *users,
							struct text private_identity)
{
	if (!users || private_identity.len == 0)
		return NULL;
	return find(&users->by_private_identity, private_identity, has_private_identity);
}

const struct sccas_user *sccas_users_next(const struct sccas_users *users, uint32_t *at)
{
	const struct entry *entry =
		users ? (const void *)(uintptr_t)map_next(&users->by_number, at) : NULL;

	return entry ? &entry->user : NULL;
}

unsigned sccas_users_count(const struct sccas_users *users)
{
	return users ? users->n : 0;
}

/* ------------------------------------------------------------------ building */

static bool keep_names(struct sccas_users *users, struct entry *entry, struct text number,
		       struct text private_identity)
{
	char bytes[4 + NUMBER_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put(&w, TEL);
	text_put(&w, number);
	entry->tel = keep(users, text_written(&w));
	entry->user.c_msisdn = text_from(entry->tel, TEL.len);
	entry->user.private_identity = keep(users, private_identity);
	return entry->tel.at && entry->user.private_identity.at;
}

static enum sccas_users_verdict keep_identities(struct sccas_users *users, struct entry *entry,
						const struct text *identities, unsigned n)
{
	struct text *kept = store_take(users->memory, n * sizeof(*kept));
	char bytes[ADDRESS_BYTES];

	if (!kept)
		return SCCAS_USERS_NO_MEMORY;
	entry->user.identities = kept;
	for (unsigned i = 0; i < n; i++) {
		struct text address = address_of(identities[i], bytes);

		if (address.len == 0)
			return SCCAS_USERS_BAD_IDENTITY;
		/* What is given twice here is somebody's mistake too. */
		entry->user.n_identities = i;
		if (i && has_identity(entry, address) && !text_equal(entry->tel, address))
			return SCCAS_USERS_DOUBLE;
		kept[i] = keep(users, address);
		if (!kept[i].at)
			return SCCAS_USERS_NO_MEMORY;
	}
	entry->user.n_identities = n;
	return SCCAS_USERS_DONE;
}

static bool is_taken(const struct sccas_users *users, const struct entry *entry)
{
	const struct sccas_user *user = &entry->user;

	for (unsigned i = 0; i < user->n_identities; i++)
		if (find(&users->by_identity, user->identities[i], has_identity))
			return true;
	return find(&users->by_number, user->c_msisdn, has_number) ||
	       find(&users->by_identity, entry->tel, has_identity) ||
	       find(&users->by_private_identity, user->private_identity, has_private_identity);
}

static bool insert(struct map *map, struct text name, const struct entry *entry)
{
	return map_insert(map, hash_of(name), (uintptr_t)entry);
}

static bool insert_all(struct sccas_users *users, const struct entry *entry)
{
	const struct sccas_user *user = &entry->user;

	for (unsigned i = 0; i < user->n_identities; i++)
		if (!text_equal(user->identities[i], entry->tel) &&
		    !insert(&users->by_identity, user->identities[i], entry))
			return false;
	return insert(&users->by_identity, entry->tel, entry) &&
	       insert(&users->by_number, user->c_msisdn, entry) &&
	       insert(&users->by_private_identity, user->private_identity, entry);
}

enum sccas_users_verdict sccas_users_add(struct sccas_users *users, struct text c_msisdn,
					 struct text private_identity,
					 const struct text *identities, unsigned n_identities)
{
	struct entry *entry = store_take(users->memory, sizeof(*entry));
	char bytes[NUMBER_BYTES];
	struct text number = number_of(c_msisdn, bytes);
	enum sccas_users_verdict verdict;

	if (number.len == 0)
		return SCCAS_USERS_BAD_NUMBER;
	if (private_identity.len == 0 || n_identities == 0)
		return SCCAS_USERS_BAD_IDENTITY;
	if (!entry)
		return SCCAS_USERS_NO_MEMORY;
	*entry = (struct entry){0};
	if (!keep_names(users, entry, number, private_identity))
		return SCCAS_USERS_NO_MEMORY;
	verdict = keep_identities(users, entry, identities, n_identities);
	if (verdict != SCCAS_USERS_DONE)
		return verdict;
	if (is_taken(users, entry))
		return SCCAS_USERS_DOUBLE;
	if (!insert_all(users, entry))
		return SCCAS_USERS_NO_MEMORY;
	users->n++;
	return SCCAS_USERS_DONE;
}
