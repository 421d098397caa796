#include "session/clauses.h"

const struct clause_row clause_table[N_CLAUSES] = {
#define CLAUSE_ROW(name, document, meaning) {#name, document, meaning},
	SESSION_CLAUSES(CLAUSE_ROW)
#undef CLAUSE_ROW
};
