/* The little of SDP (RFC 4566) and offer/answer (RFC 3264) that a release and a transfer of access need. */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/endpoint.h"
#include "base/text.h"

/* An answer that rejects every stream of `offer` (RFC 3264 §6: port 0, same order, same media,
 * protocol and first format), for the ACK of a 2xx that carried the offer when the session is being
 * released. `origin`: address in o= and c=; `session_id` for o=. false when the offer cannot be
 * read (then an ACK without a body is what is left). */
bool sdp_put_rejection(struct text_writer *w, struct text offer, const struct endpoint *origin,
		       uint32_t session_id);

/* What a description says of speech. */
enum sdp_speech {
	SDP_NO_SPEECH, /* no audio stream, or all of them at port 0 */
	SDP_SPEECH_HELD, /* not in both directions (sendonly, recvonly, inactive) or connection address 0.0.0.0 */
	SDP_SPEECH_BOTH_WAYS,
};
/* Of the first audio stream that is not rejected; direction on the stream, else on the session, else
 * sendrecv. What cannot be read has no speech. */
enum sdp_speech sdp_speech_of(struct text body);
/* In both directions: speech as both descriptions of an offer/answer pair have it. One that is empty
 * counts as not agreed: SDP_NO_SPEECH. */
enum sdp_speech sdp_speech_of_pair(struct text one, struct text other);

/* The offer that moves a dialog to the media of another access (RFC 3264 §8). `media`: description of the
 * new access; `last`: last description sent in this dialog, empty when none was. The streams of `last`
 * keep their order and number (§8: streams are never removed): each takes, by its media type and
 * protocol, the first stream of `media` that no earlier one took, or stands with port 0; streams of
 * `media` that are left over are added behind, at most until `n_streams_max` in all. Session part and
 * time lines are those of `media`, but o= is that of `last` with its version one higher (§8: o= is
 * identical but for the version); without `last` it is that of `media`. false: one cannot be read, or
 * it does not fit. */
bool sdp_put_moved_offer(struct text_writer *w, struct text media, struct text last,
			 unsigned n_streams_max);
/* The answer to `offer` made of `answer`, the answer of another dialog to an offer made of it by
 * sdp_put_moved_offer(): streams in the order of `offer`, each the stream of `answer` that stands for it
 * (first of same media type and protocol not taken yet), or rejected with port 0; nothing more. o= is
 * that of `answer`, or that of `last` with a version one higher when the dialog had a description of
 * ours before (`last` not empty). */
bool sdp_put_moved_answer(struct text_writer *w, struct text answer, struct text offer,
			  struct text last);
/* `body` with the o= of `last` and a version one higher (equal bodies but for o=: the version of `last`,
 * RFC 4566 §5.2): for a description that passes to a dialog which was moved before. An empty `last`
 * leaves it as it is. */
bool sdp_put_continued(struct text_writer *w, struct text body, struct text last);
/* `last`, the last description sent in a dialog, with its speech held: every audio stream that sent is sendonly,
 * others inactive (RFC 3264 §8.4); o= as in sdp_put_continued(). false: it cannot be read. */
bool sdp_put_held(struct text_writer *w, struct text last);
/* The same but for o=? false when one cannot be read. */
bool sdp_is_same(struct text one, struct text other);

#endif
