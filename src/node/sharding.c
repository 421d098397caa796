/* Which shard a message belongs to: a quick look, without parsing it. */
#include "node/registrar.h"

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next header line behind *at, by its first letters; folded lines are passed over, being no header of
 * their own. Empty at the end of the header. */
static struct text line_next(struct text message, uint32_t *at)
{
	for (;;) {
		struct text rest = text_from(message, *at);
		uint32_t len = text_find(rest, '\n');

		if (len == rest.len)
			return (struct text){0};
		*at += len + 1;
		rest = text_from(message, *at);
		if (rest.len == 0 || rest.at[0] == '\r' || rest.at[0] == '\n')
			return (struct text){0};
		if (rest.at[0] != ' ' && rest.at[0] != '\t')
			return rest;
	}
}

/* The rest of the message from the value of this line on; empty when it is another header. `compact` 0:
 * there is no short name. */
static struct text value_of(struct text line, struct text name, char compact)
{
	struct text rest = {0};

	if (text_starts_with_nocase(line, name))
		rest = text_from(line, name.len);
	else if (compact && line.len && text_lower(line.at[0]) == (unsigned char)compact)
		rest = text_from(line, 1);
	while (rest.len && (rest.at[0] == ' ' || rest.at[0] == '\t'))
		rest = text_from(rest, 1);
	if (rest.len == 0 || rest.at[0] != ':')
		return (struct text){0};
	rest = text_from(rest, 1);
	while (rest.len && is_white(rest.at[0]))
		rest = text_from(rest, 1);
	return rest;
}

static struct text first_word(struct text value)
{
	uint32_t len = 0;

	while (len < value.len && !is_white(value.at[len]))
		len++;
	return (struct text){value.at, len};
}

/* What stands in `value` behind `mark`: the number of a shard in hex, up to a dash. */
static bool shard_behind(struct text value, struct text mark, uint32_t *ret)
{
	const char *at = value.len ? memmem(value.at, value.len, mark.at, mark.len) : NULL;
	const char *end;
	uint32_t n = 0;

	if (!at)
		return false;
	end = value.at + value.len;
	for (at += mark.len; at < end && *at != '-'; at++) {
		unsigned char c = text_lower(*at);

		if (n > 0xffff)
			return false;
		if (c >= '0' && c <= '9')
			n = n * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (c - 'a' + 10u);
		else
			return false;
	}
	*ret = n;
	return at < end;
}

/* The first value of a list header: up to its '>', or the end of the line with what is folded to it. */
static struct text first_value(struct text value)
{
	uint32_t len = 0;

	while (len < value.len && value.at[len] != '>') {
		bool ends = value.at[len] == '\n';

		len++;
		if (ends && (len == value.len || (value.at[len] != ' ' && value.at[len] != '\t')))
			break;
	}
	return (struct text){value.at, len};
}

/* A response, by the branch of its first Via; a request, by its first Route value, where a session or an
 * original dialog identifier is named. An application server that makes a dialog of its own gives it
 * another Call-ID, and all passages of a session live on one shard. */
static bool is_named(struct text line, bool is_response, uint32_t *ret)
{
	struct text value =
		is_response ? value_of(line, TEXT("Via"), 'v') : value_of(line, TEXT("Route"), 0);

	value = first_value(value);
	if (is_response)
		return shard_behind(value, TEXT("branch=z9hG4bKad-"), ret);
	return shard_behind(value, TEXT(";adieu="), ret) || shard_behind(value, TEXT(";odi="), ret);
}

static struct text without_leading_lines(struct text message) /* RFC 3261 §7.5 */
{
	while (message.len && is_white(message.at[0]))
		message = text_from(message, 1);
	return message;
}

static bool is_response_line(struct text message)
{
	return text_starts_with_nocase(message, TEXT("SIP/2.0 "));
}

uint32_t node_shard_of(struct text message, uint32_t n_shards)
{
	/* The key is no secret: every shard of every process must agree, and a peer that aims gains
	 * only an uneven load on itself. */
	static const struct hash_key key = {{0x616469657531ULL, 0x73686172640aULL}};
	struct text line, call_id = {0};
	uint32_t at = 0, shard;
	bool is_response;

	if (n_shards <= 1)
		return 0;
	message = without_leading_lines(message);
	if (node_is_for_registrar(message))
		return 0;
	is_response = is_response_line(message);
	while ((line = line_next(message, &at)).len) {
		if (is_named(line, is_response, &shard))
			return shard % n_shards;
		if (call_id.len == 0)
			call_id = first_word(value_of(line, TEXT("Call-ID"), 'i'));
	}
	return call_id.len ? (uint32_t)(hash_bytes(&key, call_id.at, call_id.len) % n_shards) : 0;
}

/* The MSC server's call has nothing in common with the session that it transfers but the user, so all sessions
 * of the SCC AS are together. The last shard, since the registrar has the first. @req SV-3 */
uint32_t node_shard_of_sccas(uint32_t n_shards)
{
	return n_shards ? n_shards - 1 : 0;
}

uint32_t node_shard_at_sccas(struct text message, uint32_t n_shards)
{
	return is_response_line(without_leading_lines(message)) ? node_shard_of(message, n_shards)
								: node_shard_of_sccas(n_shards);
}
