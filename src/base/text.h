/* Text views: a pointer and a length into memory that somebody else owns. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not terminated by NUL. `at` may be NULL only when `len` is 0. A view lives as long as what it
 * looks into. */
struct text {
	const char *at;
	uint32_t len;
};

/* A view of a string literal. */
#define TEXT(literal) ((struct text){(literal), (uint32_t)(sizeof(literal) - 1)})
/* For printf: printf("%.*s", TEXT_ARGS(t)). */
#define TEXT_ARGS(t) (int)(t).len, (t).at

static inline struct text text_of(const char *string)
{
	return (struct text){string, string ? (uint32_t)strlen(string) : 0};
}

static inline struct text text_between(const char *begin, const char *end)
{
	return (struct text){begin, (uint32_t)(end - begin)};
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline unsigned char text_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* ASCII only, as SIP asks for its tokens (RFC 3261 §7.3.1). */
bool text_equal_nocase(struct text a, struct text b);
bool text_starts_with_nocase(struct text t, struct text prefix);
/* Position of the first `c`, or t.len when there is none. */
uint32_t text_find(struct text t, char c);
/* The part from `from` on; empty when `from` is beyond the end. */
struct text text_from(struct text t, uint32_t from);
/* Without white space (SP, HT, CR, LF) at both ends. */
struct text text_trim(struct text t);
/* Cuts one line off *rest, without its CRLF or LF; the last may have neither. false: *rest is empty. */
bool text_next_line(struct text *rest, struct text *ret_line);
/* Decimal digits only, at least one, no sign; false (and *ret untouched) on anything else or above
 * `max`. */
bool text_to_u32(struct text t, uint32_t max, uint32_t *ret);

/* A bounded writer: once something does not fit, `full` stays set and nothing more is written. */
struct text_writer {
	char *at;
	uint32_t len;
	uint32_t max;
	bool full;
};

static inline struct text_writer text_writer_on(char *buffer, size_t max)
{
	return (struct text_writer){.at = buffer, .max = (uint32_t)max};
}

static inline struct text text_written(const struct text_writer *w)
{
	return (struct text){w->at, w->len};
}

void text_put(struct text_writer *w, struct text t);
void text_put_char(struct text_writer *w, char c);
void text_put_u64(struct text_writer *w, uint64_t n);
void text_put_hex(struct text_writer *w, uint64_t n);
#define text_put_literal(w, literal) text_put((w), TEXT(literal))
/* printf into the writer, at most 1023 bytes in one call (more sets `full`); for what is not on the
 * hot path. */
__attribute__((format(printf, 2, 3))) void text_printf(struct text_writer *w, const char *format,
						       ...);

#endif
