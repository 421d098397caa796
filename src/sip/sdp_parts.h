/* A session description cut into its parts, RFC 4566 §5. For the sdp_*.c files of this folder only. */
#ifndef SIP_SDP_PARTS_H
#define SIP_SDP_PARTS_H

#include "base/text.h"

/* Media streams of one description; with more it counts as not readable. A call has two or three; the room is for
 * what offer/answer never takes away again (RFC 3264 §8). */
#define SDP_STREAMS_MAX 64u

/* m=<media> <port>[/<ports>] <protocol> <format> ... */
struct sdp_stream {
	struct text media, protocol, format; /* the first format */
	struct text line;                    /* the whole m= line, without its end */
	struct text lines;                   /* those behind it, up to the next stream */
	bool is_rejected;                    /* port 0 */
};

/* o=<username> <session id> <version> <net type> <address type> <address> */
struct sdp_origin {
	struct text before; /* "o=ann 1 " */
	uint64_t version;
	struct text after; /* "IN IP4 127.0.0.1" */
};

struct sdp_parts {
	struct sdp_origin origin;
	struct text rest;    /* all that stands behind o= */
	struct text session; /* of it what stands before the first stream */
	unsigned n_streams;
	struct sdp_stream streams[SDP_STREAMS_MAX];
};

/* What can be read: v=0, o= with six fields, streams with media, port, protocol, formats. false: *ret is of
 * no use. */
bool sdp_read_parts(struct text body, struct sdp_parts *ret);
/* The first line of this letter; false: none. */
bool sdp_find_line(struct text lines, char letter, struct text *ret_line);

void sdp_put_line(struct text_writer *w, struct text line);
/* The stream with port 0 and nothing but its first format (RFC 3264 §6). */
void sdp_put_rejected_stream(struct text_writer *w, const struct sdp_stream *stream);

#endif
