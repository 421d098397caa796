#include "daemon/reload.h"

static bool same_listen(const struct config_listen *a, const struct config_listen *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!endpoint_equal(&a->at[i], &b->at[i]))
			return false;
	return true;
}

static bool is_path(const struct config_row *row)
{
	return row->type == CONFIG_FILE || row->type == CONFIG_FOLDER;
}

static const void *place_of(const struct config *config, const struct config_row *row)
{
	return (const char *)config + row->offset;
}

static bool is_same(const struct config *a, const struct config *b, const struct config_row *row)
{
	if (row->type == CONFIG_LISTEN)
		return same_listen(place_of(a, row), place_of(b, row));
	if (is_path(row))
		return text_equal(*(const struct text *)place_of(a, row),
				  *(const struct text *)place_of(b, row));
	return *(const uint32_t *)place_of(a, row) == *(const uint32_t *)place_of(b, row);
}

static bool put_back(const struct config *from, struct config *to, const struct config_row *row)
{
	if (row->type == CONFIG_LISTEN) {
		memcpy((char *)to + row->offset, place_of(from, row), sizeof(struct config_listen));
	} else if (is_path(row)) {
		struct text kept = config_keep(to, *(const struct text *)place_of(from, row));

		if (!kept.at)
			return false;
		*(struct text *)((char *)to + row->offset) = kept;
	} else {
		*(uint32_t *)(void *)((char *)to + row->offset) =
			*(const uint32_t *)place_of(from, row);
	}
	return true;
}

bool config_keep_unchangeable(const struct config *in_force, struct config *fresh,
			      void (*differs)(void *arg, const char *path), void *arg)
{
	for (unsigned i = 0; i < config_table_rows; i++) {
		const struct config_row *row = &config_table[i];

		if (row->live || is_same(in_force, fresh, row))
			continue;
		differs(arg, row->path);
		if (!put_back(in_force, fresh, row))
			return false;
	}
	/* No row of them is live, so these are the lists in force, which fit. */
	return config_join_listen(fresh);
}
