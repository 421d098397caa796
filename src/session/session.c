#include "session/session.h"

const char *session_state_name(enum session_state state)
{
	static const char *const names[] = {"establishing", "answered", "confirmed", "releasing",
					    "ended"};

	return names[state];
}

const char *session_end_name(enum session_end end)
{
	static const char *const names[SESSION_ENDS] = {
		[SESSION_END_NONE] = "not ended",
		[SESSION_END_BYE_OF_CALLING] = "BYE of the calling party",
		[SESSION_END_BYE_OF_CALLED] = "BYE of the called party",
		[SESSION_END_RELEASED] = "released by the network",
		[SESSION_END_REJECTED] = "rejected",
		[SESSION_END_CANCELLED] = "cancelled by the calling party",
		[SESSION_END_NO_ANSWER] = "no answer",
		[SESSION_END_SESSION_TIMER] = "session timer ran out",
		[SESSION_END_BYE_OF_SERVER] = "BYE of an application server",
		[SESSION_END_DEREGISTERED] = "registration of a contact ended",
		[SESSION_END_BYE_OF_MSC] = "BYE of the MSC server",
		[SESSION_END_NO_TRANSFER] = "access lost and not transferred",
		[SESSION_END_OTHER_TRANSFERRED] = "another session of the user was transferred",
		[SESSION_END_LOST] = "lost by a peer",
	};

	return names[end];
}

const char *session_served_name(unsigned served)
{
	static const char *const names[] = {"none", "calling", "called", "both"};

	return names[served & 3u];
}

bool session_set_texts(struct session *session, struct store *store, const struct text *texts,
		       struct text from_tag)
{
	uint32_t offset = from_tag.len ? (uint32_t)(from_tag.at - texts[SESSION_FROM].at) : 0;

	if (!packed_text_build(&session->texts, store, texts, session->slices, SESSION_TEXTS))
		return false;
	session->from_tag = (struct text_slice){
		(uint16_t)(session->slices[SESSION_FROM].at + offset), (uint16_t)from_tag.len};
	return true;
}

bool session_set_text(struct session *session, struct store *store, enum session_text which,
		      struct text by)
{
	uint32_t offset = (uint32_t)(session->from_tag.at - session->slices[SESSION_FROM].at);

	if (!packed_text_replace(&session->texts, store, session->slices, SESSION_TEXTS, which, by))
		return false;
	session->from_tag.at = (uint16_t)(session->slices[SESSION_FROM].at + offset);
	return true;
}
