/* Forwarding by editing: a list of splices over the received bytes, gathered in one pass. What is
 * not spliced goes out byte by byte as it came in. */
#ifndef SIP_EDIT_H
#define SIP_EDIT_H

#include "sip/message.h"

struct sip_splice {
	uint32_t at, cut; /* offset in the message, bytes taken out */
	struct text put;  /* bytes put in; must live until sip_edit_write() */
};

struct sip_edit {
	const struct sip_message *message;
	unsigned n;
	bool failed; /* too many splices, or two that overlap */
	struct sip_splice splices[LIMIT_SPLICES]; /* sorted by `at`; equal places keep the order of the calls */
};

void sip_edit_begin(struct sip_edit *edit, const struct sip_message *message);
/* `part` is a view into the message's bytes. */
void sip_edit_replace(struct sip_edit *edit, struct text part, struct text by);
/* `lines`: whole header lines, each with CRLF. Before a field; before the first header field; after
 * the last one. */
void sip_edit_insert_before(struct sip_edit *edit, const struct sip_field *field, struct text lines);
void sip_edit_insert_at_top(struct sip_edit *edit, struct text lines);
void sip_edit_insert_at_end(struct sip_edit *edit, struct text lines);
void sip_edit_remove_field(struct sip_edit *edit, const struct sip_field *field);
void sip_edit_remove_all(struct sip_edit *edit, enum sip_header header);
/* Takes the first `n` values of a list header out (top Via of a response, our own Route values),
 * whole lines with them when a line becomes empty. false when there are fewer. */
bool sip_edit_remove_first_values(struct sip_edit *edit, enum sip_header header, unsigned n);
/* Takes the last value of a list header out. */
bool sip_edit_remove_last_value(struct sip_edit *edit, enum sip_header header);

/* Gathers into `w`. false when the edit failed or does not fit (the writer is then `full` and its
 * contents are of no use). */
bool sip_edit_write(const struct sip_edit *edit, struct text_writer *w);

#endif
