/* What the peers of a race say, and what they make of a description that they are given. */
#include "race_peer_parts.h"

#include <stdio.h>
#include <stdlib.h>

const char *const race_peer_names[RACE_PEERS] = {"UE", "remote", "MSC"};
const uint16_t race_peer_ports[RACE_PEERS] = {6000, 7000, 8000};

/* ---------------------------------------------------------------- descriptions */

static const char *line_of(struct text body, const char *beginning)
{
	return body.len ? memmem(body.at, body.len, beginning, strlen(beginning)) : NULL;
}

uint16_t race_media_port(struct text body)
{
	const char *line = line_of(body, "\r\nm=audio ");

	return line ? (uint16_t)strtoul(line + 10, NULL, 10) : 0;
}

uint32_t race_put_description(const struct race_peer *peer, const struct race_dialog *dialog,
			      char *to, size_t max)
{
	return (uint32_t)snprintf(to, max,
				  "v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 "
				  "127.0.0.1\r\nt=0 0\r\nm=audio %u RTP/AVP 8\r\na=sendrecv\r\n",
				  100u + peer->name, dialog->media_port);
}

static uint32_t hash_of_rest(struct text body, const char *after)
{
	uint32_t hash = 2166136261u;

	for (const char *c = after; c < body.at + body.len; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash;
}

/* RFC 3264 §8: within a dialog o= stays the same but for its version, which goes up by one when anything else changed. */
void race_take_description(struct race_peer *peer, struct race_dialog *dialog, struct text body)
{
	const char *origin = line_of(body, "\r\no="), *end;
	unsigned long long id = 0, version = 0;
	uint32_t hash;

	end = origin ? memchr(origin + 2, '\r', (size_t)(body.at + body.len - origin - 2)) : NULL;
	if (!end || sscanf(origin, "\r\no=%*s %llu %llu", &id, &version) != 2) {
		race_complain(peer, "a description without o=");
		return;
	}
	hash = hash_of_rest(body, end);
	if (dialog->has_description) {
		if (id != dialog->origin_id)
			race_complain(
				peer,
				"o= has another session identifier (RFC 3264 8): %llu, was %llu",
				id, (unsigned long long)dialog->origin_id);
		else if (hash == dialog->description_hash
				 ? version != dialog->origin_version &&
					   version != dialog->origin_version + 1
				 : version != dialog->origin_version + 1)
			race_complain(peer,
				      "o= has version %llu after %llu, description %s (RFC 3264 8)",
				      version, (unsigned long long)dialog->origin_version,
				      hash == dialog->description_hash ? "the same" : "changed");
	}
	dialog->has_description = true;
	dialog->origin_id = id;
	dialog->origin_version = version;
	dialog->description_hash = hash;
}

/* ---------------------------------------------------------------- messages */

uint32_t race_write_request(const struct race_peer *peer, const struct race_dialog *dialog,
			    const struct race_writing *w, char bytes[RACE_MESSAGE_BYTES])
{
	bool tag = dialog->remote_tag[0];
	int n = snprintf(
		bytes, RACE_MESSAGE_BYTES,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%u-%u-%u\r\n"
		"Max-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: <%s>%s%s\r\nCall-ID: %s\r\nCSeq: %u "
		"%s\r\nContact: <sip:%s@127.0.0.1:%u>\r\n%s%sContent-Length: %u\r\n\r\n%.*s",
		w->method, w->uri, race_peer_ports[peer->name], peer->run, peer->name, w->branch,
		dialog->local_uri, dialog->local_tag, dialog->remote_uri, tag ? ";tag=" : "",
		dialog->remote_tag, dialog->call_id, w->cseq,
		w->cseq_method ? w->cseq_method : w->method, race_peer_names[peer->name],
		race_peer_ports[peer->name], w->lines ? w->lines : "",
		w->body.len ? "Content-Type: application/sdp\r\n" : "", w->body.len,
		(int)w->body.len, w->body.len ? w->body.at : "");

	return n < (int)RACE_MESSAGE_BYTES ? (uint32_t)n : RACE_MESSAGE_BYTES - 1;
}

uint32_t race_write_response(const struct race_peer *peer, const struct race_dialog *dialog,
			     const struct sip_message *m, unsigned status,
			     char bytes[RACE_MESSAGE_BYTES])
{
	char body[400];
	uint32_t body_len = 0;
	bool tag = !m->to_tag.len;
	int n;

	if (dialog && status / 100 == 2 && (m->method == SIP_INVITE || m->body.len))
		body_len = race_put_description(peer, dialog, body, sizeof(body));
	n = snprintf(bytes, RACE_MESSAGE_BYTES,
		     "SIP/2.0 %u Said\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s%s\r\nCall-ID: "
		     "%.*s\r\nCSeq: %u %.*s\r\nContact: <sip:%s@127.0.0.1:%u>\r\n%s"
		     "Content-Length: %u\r\n\r\n%.*s",
		     status, TEXT_ARGS(m->via.whole), TEXT_ARGS(m->from), TEXT_ARGS(m->to),
		     tag ? ";tag=" : "", tag ? (dialog ? dialog->local_tag : "none") : "",
		     TEXT_ARGS(m->call_id), m->cseq, TEXT_ARGS(m->cseq_method_name),
		     race_peer_names[peer->name], race_peer_ports[peer->name],
		     body_len ? "Content-Type: application/sdp\r\n" : "", body_len, (int)body_len,
		     body);
	return n < (int)RACE_MESSAGE_BYTES ? (uint32_t)n : RACE_MESSAGE_BYTES - 1;
}
