#include "adapters/credentials_file.h"
#include "base/hash.h"

#include <nettle/aes.h>
#include <yaml.h>

struct credentials_entry {
	struct credentials_entry *next;
	struct text owner;
	unsigned line;
	bool is_used;
	struct credentials credentials;
};

struct reader {
	struct credentials_file *out;
	struct subscribers *set;
	struct subscriber_problems *problems;
	const char *file;
	yaml_document_t *document;
};

/* ------------------------------------------------------------------ one user: which keys were given */

enum key {
	KEY_PASSWORD,
	KEY_MD5,
	KEY_SHA256,
	KEY_REALM,
	KEY_K,
	KEY_OPC,
	KEY_OP,
	KEY_AMF,
	KEY_SQN,
	N_KEYS,
};

static const struct {
	const char *name;
	unsigned digits; /* 0: text */
} keys[N_KEYS] = {
	[KEY_PASSWORD] = {"password", 0},
	[KEY_MD5] = {"md5", 32},
	[KEY_SHA256] = {"sha256", 64},
	[KEY_REALM] = {"realm", 0},
	[KEY_K] = {"k", 32},
	[KEY_OPC] = {"opc", 32},
	[KEY_OP] = {"op", 32},
	[KEY_AMF] = {"amf", 4},
	[KEY_SQN] = {"sqn", 12},
};

struct user_draft {
	bool given[N_KEYS];
	struct text value[N_KEYS]; /* views into the document */
};

static unsigned line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static struct text scalar_of(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return (struct text){0};
	return (struct text){(const char *)node->data.scalar.value,
			     (uint32_t)node->data.scalar.length};
}

static int digit_of(char c)
{
	c = (char)text_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		if (digit_of(t.at[i]) < 0)
			return false;
	return true;
}

/* A control character would be nowhere in a header and hardly ever meant. */
static bool is_plain(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
			return false;
	return t.len > 0 && t.len <= CREDENTIALS_PASSWORD_MAX;
}

static bool is_realm(struct text t)
{
	return is_plain(t) && text_find(t, '"') == t.len && text_find(t, '\\') == t.len;
}

/* The value is never shown. @req SUB-11 */
static bool check_value(struct reader *r, enum key key, const yaml_node_t *node)
{
	struct text value = scalar_of(node);
	const char *name = keys[key].name;
	unsigned digits = keys[key].digits;

	if (digits && (value.len != digits || !is_hex(value)))
		subscriber_problem_add(r->problems, r->file, line_of(node),
				       "%s is not valid; expected %u hexadecimal digits", name,
				       digits);
	else if (key == KEY_REALM ? !is_realm(value) : !digits && !is_plain(value))
		subscriber_problem_add(r->problems, r->file, line_of(node),
				       "%s is not valid; expected 1 to %u printable characters",
				       name, CREDENTIALS_PASSWORD_MAX);
	else
		return true;
	return false;
}

static enum key key_of(struct text name)
{
	unsigned key = 0;

	while (key < N_KEYS && !text_equal(text_of(keys[key].name), name))
		key++;
	return (enum key)key;
}

/* A key that we do not know may be a password in the wrong place: not shown either. */
static void read_key(struct reader *r, struct user_draft *d, const yaml_node_pair_t *pair)
{
	const yaml_node_t *name = yaml_document_get_node(r->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
	enum key key = key_of(scalar_of(name));

	if (key == N_KEYS) {
		subscriber_problem_add(r->problems, r->file, line_of(name),
				       "unknown key; expected one of password, md5, sha256, realm, "
				       "k, opc, op, amf, sqn");
	} else if (d->given[key]) {
		subscriber_problem_add(r->problems, r->file, line_of(name),
				       "%s is given twice; expected it once", keys[key].name);
	} else {
		d->given[key] = true;
		if (check_value(r, key, value))
			d->value[key] = scalar_of(value);
	}
}

/* One way to prove who one is for each user. @req SUB-10 */
static const char *contradiction_of(const struct user_draft *d)
{
	const bool *given = d->given;
	bool has_hashes = given[KEY_MD5] || given[KEY_SHA256];
	bool has_aka =
		given[KEY_K] || given[KEY_OPC] || given[KEY_OP] || given[KEY_AMF] || given[KEY_SQN];

	if (has_aka && (given[KEY_PASSWORD] || has_hashes || given[KEY_REALM]))
		return "k, opc, op, amf and sqn do not go with password, md5, sha256 and realm; "
		       "expected one kind";
	if (has_aka && !given[KEY_K])
		return "no k; expected k with opc or op";
	if (has_aka && given[KEY_OPC] == given[KEY_OP])
		return given[KEY_OPC] ? "both opc and op; expected one of them"
				      : "neither opc nor op; expected one of them";
	if (!has_aka && given[KEY_PASSWORD] && has_hashes)
		return "both password and hashes; expected one of them";
	if (!has_aka && !given[KEY_PASSWORD] && !has_hashes)
		return "no credentials; expected password, md5 or sha256, or k with opc or op";
	return NULL;
}

/* ------------------------------------------------------------------ into their places */

static void put_bytes(struct text hex, uint8_t *ret)
{
	for (uint32_t i = 0; i + 1 < hex.len; i += 2)
		ret[i / 2] = (uint8_t)(digit_of(hex.at[i]) * 16 + digit_of(hex.at[i + 1]));
}

static void put_lower(struct text hex, char *ret)
{
	for (uint32_t i = 0; i < hex.len; i++)
		ret[i] = (char)text_lower(hex.at[i]);
}

/* TS 35.206 §4.1: OPc = OP xor E[OP]_K. */
static void derive_opc(const uint8_t k[16], const uint8_t op[16], uint8_t ret_opc[16])
{
	struct aes128_ctx aes;

	aes128_set_encrypt_key(&aes, k);
	aes128_encrypt(&aes, 16, ret_opc, op);
	for (unsigned i = 0; i < 16; i++)
		ret_opc[i] ^= op[i];
	explicit_bzero(&aes, sizeof(aes));
}

static void put_aka(const struct user_draft *d, struct credentials *c)
{
	uint8_t op[16], sqn[6] = {0};

	c->kind = CREDENTIAL_AKA;
	put_bytes(d->value[KEY_K], c->k);
	put_bytes(d->value[KEY_OPC], c->opc);
	if (d->given[KEY_OP]) {
		put_bytes(d->value[KEY_OP], op);
		derive_opc(c->k, op, c->opc);
		explicit_bzero(op, sizeof(op));
	}
	c->amf[0] =
		0x80; /* 8000, as labs mostly have it; the USIM checks only that it is the one of the MAC */
	if (d->given[KEY_AMF])
		put_bytes(d->value[KEY_AMF], c->amf);
	put_bytes(d->value[KEY_SQN], sqn);
	for (unsigned i = 0; i < sizeof(sqn); i++)
		c->sqn = c->sqn << 8 | sqn[i];
}

static bool put_digest(struct reader *r, const struct user_draft *d, struct credentials *c)
{
	c->kind = CREDENTIAL_PASSWORD;
	c->has_md5 = d->given[KEY_MD5];
	c->has_sha256 = d->given[KEY_SHA256];
	put_lower(d->value[KEY_MD5], c->md5);
	put_lower(d->value[KEY_SHA256], c->sha256);
	c->realm = subscribers_keep(r->set, d->value[KEY_REALM]);
	c->password = subscribers_keep(r->set, d->value[KEY_PASSWORD]);
	return c->realm.at && c->password.at;
}

/* ------------------------------------------------------------------ entries */

static uint32_t hash_of(struct text owner)
{
	static const struct hash_key key = {{3, 4}}; /* of the operator's own files */

	return (uint32_t)hash_bytes(&key, owner.at, owner.len);
}

static struct credentials_entry *entry_of(const struct credentials_file *file, struct text owner)
{
	uint32_t hash = hash_of(owner), at = map_first(&file->by_owner, hash);
	uint64_t value;

	while ((value = map_value(&file->by_owner, hash, &at))) {
		struct credentials_entry *entry = (void *)(uintptr_t)value;

		if (text_equal(entry->owner, owner))
			return entry;
	}
	return NULL;
}

static bool add_entry(struct reader *r, struct text owner, unsigned line,
		      const struct user_draft *d)
{
	struct credentials_entry *entry = subscribers_take(r->set, sizeof(*entry));

	if (!entry)
		return false;
	entry->owner = subscribers_keep(r->set, owner);
	entry->line = line;
	if (d && d->given[KEY_K])
		put_aka(d, &entry->credentials);
	else if (d && !put_digest(r, d, &entry->credentials))
		return false;
	*r->out->last = entry;
	r->out->last = &entry->next;
	return entry->owner.at && map_insert(&r->out->by_owner, hash_of(owner), (uintptr_t)entry);
}

static void read_keys(struct reader *r, struct text owner, unsigned line, const yaml_node_t *node,
		      struct user_draft *d)
{
	unsigned before = r->problems->n;
	const char *wrong;

	if (node->type != YAML_MAPPING_NODE) {
		subscriber_problem_add(
			r->problems, r->file, line_of(node),
			"this is not a mapping; expected keys such as password below the "
			"private identity");
		return;
	}
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top; p++)
		read_key(r, d, p);
	wrong = r->problems->n == before ? contradiction_of(d) : NULL;
	if (wrong)
		subscriber_problem_add(r->problems, r->file, line, "%.*s: %s", SHORT_ARGS(owner),
				       wrong);
}

/* An owner whose keys are wrong is remembered too, so that nothing else is said of it. */
static void read_user(struct reader *r, const yaml_node_pair_t *pair)
{
	const yaml_node_t *name = yaml_document_get_node(r->document, pair->key);
	unsigned before = r->problems->n;
	struct text owner = scalar_of(name);
	struct user_draft d = {0};

	if (text_find(owner, '@') == owner.len) {
		subscriber_problem_add(
			r->problems, r->file, line_of(name),
			"not a private identity; expected one such as alice@ims.example");
		return;
	}
	if (entry_of(r->out, owner)) {
		subscriber_problem_add(r->problems, r->file, line_of(name),
				       "%.*s is given twice; expected each private identity once",
				       SHORT_ARGS(owner));
		return;
	}
	read_keys(r, owner, line_of(name), yaml_document_get_node(r->document, pair->value), &d);
	if (!add_entry(r, owner, line_of(name), r->problems->n == before ? &d : NULL))
		subscriber_problem_add(r->problems, r->file, 0, "out of memory");
}

/* ------------------------------------------------------------------ the document */

static void wipe(void *begin, const void *end)
{
	if (begin)
		explicit_bzero(begin, (size_t)((const char *)end - (const char *)begin));
}

static void wipe_document(yaml_document_t *document)
{
	for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);
}

static void read_root(struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);

	/* An empty file has no root, a file of comments either. */
	if (!root)
		return;
	if (root->type != YAML_MAPPING_NODE) {
		subscriber_problem_add(
			r->problems, r->file, line_of(root),
			"this is not a mapping; expected private identities with keys below them");
		return;
	}
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++)
		read_user(r, pair);
}

static void note_second_document(struct reader *r, yaml_parser_t *parser)
{
	yaml_document_t more;
	yaml_node_t *root;

	if (!yaml_parser_load(parser, &more))
		return;
	root = yaml_document_get_root_node(&more);
	if (root)
		subscriber_problem_add(r->problems, r->file, line_of(root),
				       "a second document begins here; expected one only");
	wipe_document(&more);
	yaml_document_delete(&more);
}

/* The words of libyaml are its own and quote nothing of the file. */
static void note_bad_syntax(struct reader *r, const yaml_parser_t *parser)
{
	subscriber_problem_add(r->problems, r->file, (unsigned)parser->problem_mark.line + 1,
			       "not YAML: %s", parser->problem ? parser->problem : "out of memory");
}

static void load(struct reader *r, struct text bytes)
{
	yaml_parser_t parser;
	yaml_document_t document;

	if (!yaml_parser_initialize(&parser)) {
		subscriber_problem_add(r->problems, r->file, 0, "out of memory");
		return;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.at, bytes.len);
	if (yaml_parser_load(&parser, &document)) {
		r->document = &document;
		read_root(r);
		wipe_document(&document);
		yaml_document_delete(&document);
		note_second_document(r, &parser);
	}
	if (parser.error != YAML_NO_ERROR)
		note_bad_syntax(r, &parser);
	wipe(parser.raw_buffer.start, parser.raw_buffer.end);
	wipe(parser.buffer.start, parser.buffer.end);
	yaml_parser_delete(&parser);
}

void credentials_read(struct credentials_file *ret, struct text bytes, const char *file,
		      struct subscribers *set, struct subscriber_problems *problems)
{
	struct reader r = {.out = ret, .set = set, .problems = problems, .file = file};

	*ret = (struct credentials_file){.last = &ret->first};
	load(&r, bytes);
}

void credentials_clear(struct credentials_file *credentials)
{
	map_clear(&credentials->by_owner);
	credentials->first = NULL;
	credentials->last = &credentials->first;
}

struct credentials credentials_of(struct credentials_file *credentials,
				  struct text private_identity)
{
	struct credentials_entry *entry = entry_of(credentials, private_identity);

	if (!entry)
		return (struct credentials){.kind = CREDENTIAL_NONE};
	entry->is_used = true;
	return entry->credentials;
}

void credentials_note_unknown_owners(const struct credentials_file *credentials, const char *file,
				     struct subscriber_problems *problems)
{
	for (const struct credentials_entry *e = credentials->first; e; e = e->next)
		if (!e->is_used)
			subscriber_problem_add(
				problems, file, e->line,
				"%.*s is unknown; expected the PrivateID of a user in "
				"this folder",
				SHORT_ARGS(e->owner));
}
