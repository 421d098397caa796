/* Any bytes as a stream, in portions of sizes that the first three bytes give: always progress, never beyond what was received, and the same steps
 * as when everything comes at once. */
#include <stdlib.h>

#include "base/limits.h"
#include "sip/message.h"
#include "sip/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define STEPS_MAX 4096

struct run {
	unsigned n;
	struct {
		enum sip_stream_step what;
		uint32_t used;
	} steps[STEPS_MAX];
	bool broken;
};

static struct run portions, at_once;
static struct sip_message message;

static void check_message(const char *at, const struct sip_stream_frame *frame)
{
	MUST(frame->skip < frame->used && frame->used <= LIMIT_MESSAGE_BYTES);
	if (sip_parse(&message, at + frame->skip, frame->used - frame->skip, SIP_STREAM) == SIP_OK)
		MUST(message.bytes.len == frame->used - frame->skip); /* one message, exactly */
}

/* One look at a copy of the bytes that ends where they end, so that reading on is found out. */
static enum sip_stream_step look(const uint8_t *bytes, size_t len, uint32_t *seen,
				 struct sip_stream_frame *ret)
{
	char *copy = malloc(len ? len : 1);
	enum sip_stream_step what;

	MUST(copy);
	memcpy(copy, bytes, len);
	what = sip_stream_next((struct text){copy, (uint32_t)len}, seen, ret);
	if (what == SIP_STREAM_MESSAGE)
		check_message(copy, ret);
	free(copy);
	return what;
}

static void receive(struct run *run, const uint8_t *data, size_t size, const uint8_t *portion)
{
	size_t begin = 0, end = 0;
	uint32_t seen = 0;

	run->n = 0;
	run->broken = false;
	for (unsigned turn = 0; end < size; turn++) {
		size_t more = portion ? 1u + portion[turn % 3] : size;

		end = size - end < more ? size : end + more;
		while (run->n < STEPS_MAX) {
			struct sip_stream_frame frame;
			enum sip_stream_step what = look(data + begin, end - begin, &seen, &frame);

			if (what == SIP_STREAM_MORE) {
				MUST(frame.used == 0 && end - begin < LIMIT_MESSAGE_BYTES + size);
				break;
			}
			run->steps[run->n].what = what;
			run->steps[run->n++].used = frame.used;
			MUST(frame.used > 0 && frame.used <= end - begin);
			MUST((frame.fault_status != 0) == (what == SIP_STREAM_BROKEN));
			run->broken = what == SIP_STREAM_BROKEN;
			if (run->broken)
				return;
			begin += frame.used;
			seen = 0;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || size > 4 * LIMIT_MESSAGE_BYTES)
		return 0;
	receive(&portions, data + 3, size - 3, data);
	receive(&at_once, data + 3, size - 3, NULL);
	MUST(portions.n == at_once.n && portions.broken == at_once.broken);
	for (unsigned i = 0; i < portions.n; i++)
		MUST(portions.steps[i].what == at_once.steps[i].what &&
		     portions.steps[i].used == at_once.steps[i].used);
	return 0;
}
