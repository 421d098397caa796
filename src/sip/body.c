/* RFC 3261 §7.4, RFC 2046 §5.1: the parts of a body. */
#include "sip/body.h"

/* What the head of a body or of a part says of it. */
struct body_head {
	struct text type, disposition, encoding; /* empty: not said */
};

/* What is looked for. */
struct wanted {
	struct text media_type;
	bool is_session; /* disposition "session" only */
};

/* A value without its parameters, and those. */
static struct text first_word(struct text value, struct text *ret_params)
{
	uint32_t end = text_find(value, ';');

	*ret_params = text_from(value, end);
	return text_trim((struct text){value.at, end});
}

/* A folded value goes on in the next lines. */
static struct text unfold(struct text value, struct text *rest)
{
	struct text more;

	while (rest->len && (rest->at[0] == ' ' || rest->at[0] == '\t') &&
	       text_next_line(rest, &more))
		value = text_between(value.at, more.at + more.len);
	return text_trim(value);
}

/* The lines at the begin of a part; what stands behind the empty line is left in *rest. */
static struct body_head head_of_part(struct text *rest)
{
	struct body_head head = {0};
	struct text line;

	while (text_next_line(rest, &line) && line.len) {
		uint32_t colon = text_find(line, ':');
		struct text name = text_trim((struct text){line.at, colon});
		struct text value = unfold(text_from(line, colon + 1), rest);

		if (text_equal_nocase(name, TEXT("Content-Type")))
			head.type = value;
		else if (text_equal_nocase(name, TEXT("Content-Disposition")))
			head.disposition = value;
		else if (text_equal_nocase(name, TEXT("Content-Transfer-Encoding")))
			head.encoding = value;
	}
	return head;
}

static struct body_head head_of_message(const struct sip_message *m)
{
	struct body_head head = {.type = sip_value(m, SIP_HEADER_CONTENT_TYPE)};

	for (unsigned i = 0; i < m->n_fields; i++) {
		struct text name = m->fields[i].name;

		if (text_equal_nocase(name, TEXT("Content-Disposition")))
			head.disposition = m->fields[i].value;
		else if (text_equal_nocase(name, TEXT("Content-Encoding")) ||
			 text_equal_nocase(name, TEXT("e")))
			head.encoding = m->fields[i].value;
	}
	return head;
}

/* RFC 2046 §5.1.1: a delimiter is "--" and the boundary at the begin of a line, with white space at most
 * behind it; with two hyphens more it is the last. */
static bool is_delimiter(struct text line, struct text boundary, bool *ret_is_last)
{
	struct text rest;

	if (line.len < boundary.len + 2 || memcmp(line.at, "--", 2) != 0 ||
	    memcmp(line.at + 2, boundary.at, boundary.len) != 0)
		return false;
	rest = text_from(line, boundary.len + 2);
	*ret_is_last = rest.len >= 2 && memcmp(rest.at, "--", 2) == 0;
	return *ret_is_last || text_trim(rest).len == 0;
}

/* Cuts the body up to the next delimiter off *rest. false: no delimiter is left, and what was cut off is
 * no part. */
static bool next_part(struct text *rest, struct text boundary, struct text *ret_part,
		      bool *ret_is_last)
{
	const char *begin = rest->at;
	struct text line;

	*ret_is_last = false;
	while (text_next_line(rest, &line)) {
		if (!is_delimiter(line, boundary, ret_is_last))
			continue;
		/* The line end before the delimiter belongs to it. */
		*ret_part = text_between(begin, line.at);
		if (ret_part->len && ret_part->at[ret_part->len - 1] == '\n')
			ret_part->len--;
		if (ret_part->len && ret_part->at[ret_part->len - 1] == '\r')
			ret_part->len--;
		return true;
	}
	return false;
}

static bool boundary_of(struct text params, struct text *ret)
{
	if (!sip_param(params, TEXT("boundary"), ret))
		return false;
	if (ret->len >= 2 && ret->at[0] == '"')
		*ret = (struct text){ret->at + 1, ret->len - 2};
	return ret->len > 0;
}

/* Bytes that can be read as they are. */
static bool is_plain(struct text encoding)
{
	return !encoding.len || text_equal_nocase(encoding, TEXT("identity")) ||
	       text_equal_nocase(encoding, TEXT("7bit")) ||
	       text_equal_nocase(encoding, TEXT("8bit")) ||
	       text_equal_nocase(encoding, TEXT("binary"));
}

static bool is_wanted(const struct body_head *head, const struct wanted *wanted)
{
	struct text params, disposition = first_word(head->disposition, &params);

	return !wanted->is_session ||
	       ((!disposition.len || text_equal_nocase(disposition, TEXT("session"))) &&
		is_plain(head->encoding));
}

/* @req IFC-12 */
static struct text find(const struct wanted *wanted, const struct body_head *head, struct text body,
			unsigned depth)
{
	struct text params, part, boundary, type = first_word(head->type, &params);
	bool is_last;

	if (text_equal_nocase(type, wanted->media_type))
		return is_wanted(head, wanted) ? body : (struct text){0};
	if (depth >= LIMIT_BODY_DEPTH || !text_starts_with_nocase(type, TEXT("multipart/")) ||
	    !boundary_of(params, &boundary))
		return (struct text){0};
	/* What stands before the first delimiter is nothing. */
	if (!next_part(&body, boundary, &part, &is_last) || is_last)
		return (struct text){0};
	for (unsigned n = 0; n < LIMIT_BODY_PARTS && !is_last; n++) {
		struct body_head inner;
		struct text found;

		if (!next_part(&body, boundary, &part, &is_last))
			break;
		inner = head_of_part(&part);
		found = find(wanted, &inner, part, depth + 1);
		if (found.len)
			return found;
	}
	return (struct text){0};
}

struct text sip_body_part(const struct sip_message *m, struct text media_type)
{
	const struct wanted wanted = {.media_type = media_type};
	struct body_head head = {.type = sip_value(m, SIP_HEADER_CONTENT_TYPE)};

	return find(&wanted, &head, m->body, 0);
}

struct text sip_session_description(const struct sip_message *m)
{
	const struct wanted wanted = {.media_type = TEXT("application/sdp"), .is_session = true};
	struct body_head head;

	if (m->body.len == 0)
		return (struct text){0};
	head = head_of_message(m);
	return find(&wanted, &head, m->body, 0);
}
