/* Inside of a story: its lines, its cast, and what its files ask of each other. */
#ifndef SIM_STORY_PARTS_H
#define SIM_STORY_PARTS_H

#include "relay.h"
#include "server.h"
#include "story.h"
#include "ue.h"

#include "roles/scscf/subscribers.h"

#define STORY_WORDS   48u
#define STORY_LINES   256u
#define STORY_PARTIES 64u
#define STORY_NODES   8u

struct story_line {
	unsigned number; /* in the file */
	unsigned n;
	char *words[STORY_WORDS + 1];
	bool was_quoted[STORY_WORDS + 1];
	uint64_t used; /* bit per word that was understood */
};

struct story_order {
	char name[32];
	struct world_server *server;
	uint32_t numbers[WORLD_SHARDS_MAX]; /* 0: refused */
	enum node_release_verdict verdict;
};

struct story;

/* A line and the story it belongs to: what an event of the world carries. */
struct story_moment {
	struct story *story;
	struct story_line *line;
	unsigned from; /* first word */
};

struct story {
	struct world *world;
	struct text_writer *report;
	unsigned n_failures;
	struct story_line *lines;
	unsigned n_lines;
	struct story_moment moments[STORY_LINES];
	struct story_calling **callings; /* calls that are repeated */
	unsigned n_callings;
	struct ue *ues[STORY_PARTIES];
	unsigned n_ues;
	struct relay *relays[STORY_PARTIES];
	unsigned n_relays;
	struct server *servers[STORY_PARTIES]; /* their user agents are among the ues */
	unsigned n_servers;
	struct subscribers *subscriber_sets[STORY_NODES]; /* of each node, in order */
	struct subscribers *subscribers;                  /* the one at hand */
	unsigned n_subscriber_sets, n_nodes;
	struct node_settings settings;
	struct node_counters at_start;
	struct story_order orders[16];
	unsigned n_orders;
	char *violation_allowed[16];
	char *violation_at[16];
	unsigned n_allowed;
	uint64_t seed, until_ms;
	bool without_ladder;
	char texts[64][128]; /* that the settings look into */
	unsigned n_texts;
};

/* story.c */
__attribute__((format(printf, 3, 4))) void
story_fail(struct story *s, const struct story_line *line, const char *format, ...);
/* Is word i this word? Then it is used. */
bool story_word(struct story_line *line, unsigned i, const char *word);
const char *story_at(struct story_line *line, unsigned i); /* "" beyond the end; used */
/* The word after this keyword, at or after `from`; NULL when the keyword is not there. */
const char *story_option(struct story_line *line, unsigned from, const char *keyword);
bool story_flag(struct story_line *line, unsigned from, const char *keyword);
bool story_number(struct story *s, struct story_line *line, const char *word, uint64_t *ret);
uint64_t story_number_option(struct story *s, struct story_line *line, unsigned from,
			     const char *keyword, uint64_t otherwise);
void story_complain_of_unused(struct story *s, struct story_line *line, unsigned from);
struct ue *story_ue(struct story *s, const char *name);
bool story_address(struct story *s, const char *name, struct endpoint *ret);
enum sip_method story_method(const char *name);
/* The call of a user agent, by the name at word i if there is one. */
uint32_t story_call(struct story *s, struct story_line *line, unsigned from, struct ue *ue);

/* story_cast.c: what the world is made of, and how its people behave. false: not such a line. */
bool story_set_up(struct story *s, struct story_line *line);
bool story_behave(struct story *s, struct story_line *line, unsigned from);
/* story_service.c: the same for application servers; subscribers are read before everything else. */
bool story_set_up_service(struct story *s, struct story_line *line);
void story_read_subscribers(struct story *s);
/* story_act.c: what happens at a time. */
bool story_act(struct story *s, struct story_line *line, unsigned from);
/* story_expect.c */
void story_expect(struct story *s, struct story_line *line, unsigned from);

#endif
