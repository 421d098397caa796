/* The inside of the peers of a race. */
#ifndef SIM_RACE_PEER_PARTS_H
#define SIM_RACE_PEER_PARTS_H

#include "race_peers.h"

struct race_writing {
	const char *method, *uri, *lines;
	uint32_t branch, cseq;
	struct text body;
	const char *cseq_method; /* NULL: as method */
};

uint32_t race_write_request(const struct race_peer *peer, const struct race_dialog *dialog,
			    const struct race_writing *w, char bytes[RACE_MESSAGE_BYTES]);
/* With an answer or offer where there is to be one. `dialog` NULL: outside of any. */
uint32_t race_write_response(const struct race_peer *peer, const struct race_dialog *dialog,
			     const struct sip_message *m, unsigned status,
			     char bytes[RACE_MESSAGE_BYTES]);
uint32_t race_put_description(const struct race_peer *peer, const struct race_dialog *dialog,
			      char *to, size_t max);
/* A description of the other side: RFC 3264 §8 is looked at. */
void race_take_description(struct race_peer *peer, struct race_dialog *dialog, struct text body);
__attribute__((format(printf, 2, 3))) void race_complain(struct race_peer *peer, const char *format,
							 ...);

#endif
