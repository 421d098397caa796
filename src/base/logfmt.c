#include "base/logfmt.h"

static void put_key(struct text_writer *w, const char *key)
{
	if (w->len)
		text_put_char(w, ' ');
	text_put(w, text_of(key));
	text_put_char(w, '=');
}

static bool needs_care(char c)
{
	return (unsigned char)c < ' ' || c == 127 || c == '"' || c == '\\';
}

static void put_with_care(struct text_writer *w, char c)
{
	if (c == '"' || c == '\\')
		text_put_char(w, '\\');
	text_put_char(w, (unsigned char)c < ' ' || c == 127 ? '?' : c);
}

/* Nearly every value is plain from end to end: it goes in one piece. */
static void put_quoted(struct text_writer *w, struct text value)
{
	bool is_cut = value.len > LOGFMT_VALUE_BYTES_MAX;
	uint32_t from = 0;

	if (is_cut)
		value.len = LOGFMT_VALUE_BYTES_MAX;
	text_put_char(w, '"');
	for (uint32_t i = 0; i < value.len; i++) {
		if (!needs_care(value.at[i]))
			continue;
		text_put(w, (struct text){value.at + from, i - from});
		put_with_care(w, value.at[i]);
		from = i + 1;
	}
	text_put(w, text_from(value, from));
	text_put(w, is_cut ? TEXT("...\"") : TEXT("\""));
}

void logfmt_text(struct text_writer *w, const char *key, struct text value)
{
	put_key(w, key);
	put_quoted(w, value);
}

void logfmt_begin(struct text_writer *w, const char *words)
{
	logfmt_text(w, "msg", text_of(words));
}

void logfmt_number(struct text_writer *w, const char *key, uint64_t n)
{
	put_key(w, key);
	text_put_u64(w, n);
}
