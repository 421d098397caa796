#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

bool text_equal_nocase(struct text a, struct text b)
{
	if (a.len != b.len)
		return false;
	for (uint32_t i = 0; i < a.len; i++)
		if (a.at[i] != b.at[i] && text_lower(a.at[i]) != text_lower(b.at[i]))
			return false;
	return true;
}

bool text_starts_with_nocase(struct text t, struct text prefix)
{
	return t.len >= prefix.len && text_equal_nocase((struct text){t.at, prefix.len}, prefix);
}

uint32_t text_find(struct text t, char c)
{
	const char *found = t.len ? memchr(t.at, c, t.len) : NULL;

	return found ? (uint32_t)(found - t.at) : t.len;
}

struct text text_from(struct text t, uint32_t from)
{
	if (from >= t.len)
		return (struct text){t.len ? t.at + t.len : t.at, 0};
	return (struct text){t.at + from, t.len - from};
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text t)
{
	while (t.len > 0 && is_white(t.at[t.len - 1]))
		t.len--;
	while (t.len > 0 && is_white(t.at[0])) {
		t.at++;
		t.len--;
	}
	return t;
}

bool text_next_line(struct text *rest, struct text *ret_line)
{
	uint32_t end = text_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*ret_line = (struct text){rest->at, end};
	if (end && rest->at[end - 1] == '\r')
		ret_line->len--;
	*rest = text_from(*rest, end + 1);
	return true;
}

bool text_to_u32(struct text t, uint32_t max, uint32_t *ret)
{
	uint64_t n = 0;

	if (t.len == 0)
		return false;
	for (uint32_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(t.at[i] - '0');
		if (n > max)
			return false;
	}
	*ret = (uint32_t)n;
	return true;
}

void text_put(struct text_writer *w, struct text t)
{
	if (w->full || t.len > w->max - w->len) {
		w->full = true;
		return;
	}
	if (t.len)
		memcpy(w->at + w->len, t.at, t.len);
	w->len += t.len;
}

void text_put_char(struct text_writer *w, char c)
{
	text_put(w, (struct text){&c, 1});
}

void text_put_u64(struct text_writer *w, uint64_t n)
{
	char digits[20];
	uint32_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_put(w, (struct text){digits + i, (uint32_t)sizeof(digits) - i});
}

void text_put_hex(struct text_writer *w, uint64_t n)
{
	char digits[16];
	uint32_t i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[n & 15];
		n >>= 4;
	} while (n);
	text_put(w, (struct text){digits + i, (uint32_t)sizeof(digits) - i});
}

void text_printf(struct text_writer *w, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line))
		w->full = true;
	else
		text_put(w, (struct text){line, (uint32_t)n});
}
