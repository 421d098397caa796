/* RFC 3261 §16.6 and §16.7 ask a proxy to change a few fields and keep all others: splices over the received bytes. */
#include "sip/edit.h"

#include <assert.h>

void sip_edit_begin(struct sip_edit *edit, const struct sip_message *message)
{
	edit->message = message;
	edit->n = 0;
	edit->failed =
		message->n_fields == 0; /* nothing to hold on to: a message that was not accepted */
}

/* Two cuts that share a byte, or an insertion within a cut. */
static bool overlap(const struct sip_splice *a, const struct sip_splice *b)
{
	return a->at < b->at + b->cut && b->at < a->at + a->cut;
}

static void splice(struct sip_edit *edit, struct sip_splice new)
{
	unsigned place = edit->n;

	if (edit->failed || edit->n == LIMIT_SPLICES) {
		edit->failed = true;
		return;
	}
	assert(new.at <= edit->message->bytes.len &&new.cut <= edit->message->bytes.len - new.at);
	for (unsigned i = 0; i < edit->n; i++)
		if (overlap(&edit->splices[i], &new))
			edit->failed = true;
	for (; place > 0 && edit->splices[place - 1].at > new.at; place--)
		edit->splices[place] = edit->splices[place - 1];
	edit->splices[place] = new;
	edit->n++;
}

static uint32_t offset_of(const struct sip_edit *edit, const char *at)
{
	struct text bytes = edit->message->bytes;

	assert(at >= bytes.at && at <= bytes.at + bytes.len);
	return (uint32_t)(at - bytes.at);
}

void sip_edit_replace(struct sip_edit *edit, struct text part, struct text by)
{
	splice(edit, (struct sip_splice){offset_of(edit, part.at), part.len, by});
}

void sip_edit_insert_before(struct sip_edit *edit, const struct sip_field *field, struct text lines)
{
	splice(edit, (struct sip_splice){field->begin, 0, lines});
}

void sip_edit_insert_at_top(struct sip_edit *edit, struct text lines)
{
	if (!edit->failed)
		sip_edit_insert_before(edit, &edit->message->fields[0], lines);
}

void sip_edit_insert_at_end(struct sip_edit *edit, struct text lines)
{
	const struct sip_message *m = edit->message;

	if (!edit->failed)
		splice(edit, (struct sip_splice){m->fields[m->n_fields - 1].end, 0, lines});
}

void sip_edit_remove_field(struct sip_edit *edit, const struct sip_field *field)
{
	splice(edit, (struct sip_splice){field->begin, field->end - field->begin, {0}});
}

void sip_edit_remove_all(struct sip_edit *edit, enum sip_header header)
{
	for (const struct sip_field *f = sip_first(edit->message, header); f;
	     f = sip_next(edit->message, f))
		sip_edit_remove_field(edit, f);
}

static unsigned count_values(const struct sip_message *m, enum sip_header header, unsigned enough)
{
	struct sip_list list = sip_list_of(m, header);
	struct text value;
	unsigned n = 0;

	while (n < enough && sip_list_next(&list, &value))
		n++;
	return n;
}

/* From the first value of the line up to the one that stays: "Via: a, b" becomes "Via: b". */
bool sip_edit_remove_first_values(struct sip_edit *edit, enum sip_header header, unsigned n)
{
	struct sip_list list = sip_list_of(edit->message, header);
	struct text value;

	if (count_values(edit->message, header, n) < n)
		return false;
	for (unsigned i = 0; i < n && sip_list_next(&list, &value); i++) {
		const struct sip_field *f = list.value_field;

		if (list.last_of_field)
			sip_edit_remove_field(edit, f);
		else if (i + 1 == n)
			sip_edit_replace(edit, text_between(f->value.at, list.rest.at),
					 (struct text){0});
	}
	return true;
}

/* From the end of the value before it to the end of the line's values: "Path: a, b" becomes "Path: a". */
bool sip_edit_remove_last_value(struct sip_edit *edit, enum sip_header header)
{
	struct sip_list list = sip_list_of(edit->message, header), last = {0};
	struct text value, before = {0}, found = {0};

	while (sip_list_next(&list, &value)) {
		before = found;
		found = value;
		last = list;
	}
	if (!last.value_field)
		return false;
	if (last.first_of_field)
		sip_edit_remove_field(edit, last.value_field);
	else
		sip_edit_replace(
			edit,
			text_between(before.at + before.len,
				     last.value_field->value.at + last.value_field->value.len),
			(struct text){0});
	return true;
}

bool sip_edit_write(const struct sip_edit *edit, struct text_writer *w)
{
	struct text bytes = edit->message->bytes;
	uint32_t from = 0;

	if (edit->failed)
		w->full = true;
	for (unsigned i = 0; i < edit->n && !w->full; i++) {
		const struct sip_splice *s = &edit->splices[i];

		/* An insertion may stand behind a cut that begins at the same byte. */
		if (s->at > from)
			text_put(w, (struct text){bytes.at + from, s->at - from});
		text_put(w, s->put);
		if (s->at + s->cut > from)
			from = s->at + s->cut;
	}
	text_put(w, (struct text){bytes.at + from, bytes.len - from});
	return !w->full;
}
