/* adieu deregister */
#include "cli/command.h"

#include <stdio.h>

int command_deregister(const struct command_line *line)
{
	json_t *params = json_object(), *done;
	int status;

	json_object_set_new(params, "user", json_string(line->argument));
	if (line->contact)
		json_object_set_new(params, "contact", json_string(line->contact));
	done = call_or_say(line, "deregister", params, &status);
	if (done && line->json)
		print_json(done);
	else if (done)
		printf("%lld contacts taken out\n", (long long)number_of(done, "contacts"));
	json_decref(done);
	return status;
}
