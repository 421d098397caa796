/* adieu: see adieu(1). */
#include "base/control_path.h"
#include "base/version.h"
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_MAYBE, ARGUMENT_ORDER };

static const struct command {
	const char *name;
	int (*run)(const struct command_line *line);
	enum argument argument;
	unsigned options;
} commands[] = {
	{"sessions", command_sessions, ARGUMENT_NONE,
	 OPTION_LIMIT | OPTION_CURSOR | OPTION_USER | OPTION_STATE | OPTION_ENDED},
	{"show", command_show, ARGUMENT_NEEDED, 0},
	{"why", command_why, ARGUMENT_NEEDED, 0},
	{"trace", command_trace, ARGUMENT_NEEDED, 0},
	{"release", command_release, ARGUMENT_MAYBE,
	 OPTION_USER | OPTION_ALL | OPTION_REASON | OPTION_TEXT | OPTION_RATE | OPTION_DRY_RUN |
		 OPTION_NO_WAIT},
	{"progress", command_progress, ARGUMENT_ORDER, 0},
	{"stop", command_stop, ARGUMENT_ORDER, 0},
	{"deregister", command_deregister, ARGUMENT_NEEDED, OPTION_CONTACT},
	{"users", command_users, ARGUMENT_NONE, OPTION_LIMIT},
	{"counters", command_counters, ARGUMENT_NONE, OPTION_ALL},
	{"drain", command_drain, ARGUMENT_NONE, OPTION_OFF},
	{"reload", command_reload, ARGUMENT_NONE, 0},
	{"version", command_version, ARGUMENT_NONE, 0},
};

static const char USAGE[] =
	"usage: adieu [-s SOCKET] [--json] COMMAND\n"
	"  sessions [--user U] [--state S] [--ended] [--limit N] [--cursor C]\n"
	"                         the sessions of the server; --limit 0: all\n"
	"  show ID                everything about one session\n"
	"  why ID                 why it ended, or what holds it\n"
	"  trace ID               its ladder, with the clause beside each step of the server\n"
	"  release ID | --user U | --all [--reason N] [--text T] [--rate N] [--dry-run] "
	"[--no-wait]\n"
	"                         release one session, those of a user, or all\n"
	"  progress ORDER         how far a release is\n"
	"  stop ORDER             begin no further session of a release\n"
	"  deregister USER [--contact URI]\n"
	"                         take a contact of a user out, or all: their sessions end\n"
	"  users [--limit N]      contacts of registered users\n"
	"  counters [--all]       gauges and counters\n"
	"  drain [--off]          take no new sessions\n"
	"  reload                 read configuration and bindings again\n"
	"  version                of command and daemon\n"
	"ID is a session id, a Call-ID, or \"last\" for the newest session.\n"
	"Exit status: 0 done, 1 refused or unknown, 2 usage, 3 no daemon. Options: -s, --json, -V, "
	"-h.\n";

/* What is wrong, in one line. */
__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("adieu: ", stderr);
	vfprintf(stderr, format, args);
	fputs(" (adieu --help)\n", stderr);
	va_end(args);
	return EXIT_USAGE;
}

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"limit", required_argument, NULL, 256 + 0},
	{"cursor", required_argument, NULL, 256 + 1},
	{"user", required_argument, NULL, 256 + 2},
	{"state", required_argument, NULL, 256 + 3},
	{"ended", no_argument, NULL, 256 + 4},
	{"all", no_argument, NULL, 256 + 5},
	{"reason", required_argument, NULL, 256 + 6},
	{"text", required_argument, NULL, 256 + 7},
	{"rate", required_argument, NULL, 256 + 8},
	{"dry-run", no_argument, NULL, 256 + 9},
	{"no-wait", no_argument, NULL, 256 + 10},
	{"off", no_argument, NULL, 256 + 11},
	{"contact", required_argument, NULL, 256 + 12},
	{0},
};

static bool read_number(const char *text, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0 && *ret <= 0xffffffff;
}

/* false: its value is not a number. */
static bool take_option(struct command_line *line, unsigned bit, const char *value)
{
	line->given |= bit;
	switch (bit) {
	case OPTION_LIMIT: return read_number(value, &line->limit);
	case OPTION_REASON: return read_number(value, &line->reason);
	case OPTION_RATE: return read_number(value, &line->rate);
	case OPTION_CURSOR: line->cursor = value; break;
	case OPTION_USER: line->user = value; break;
	case OPTION_STATE: line->state = value; break;
	case OPTION_TEXT: line->text = value; break;
	case OPTION_CONTACT: line->contact = value; break;
	default: break;
	}
	return true;
}

static const struct command *command_of(const char *name)
{
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *needed_by(const struct command *command)
{
	return command->argument == ARGUMENT_ORDER  ? "the number of an order"
	       : command->run == command_deregister ? "a user such as sip:bob@ims.example"
						    : "a session id, a Call-ID or last";
}

static const char *option_name(unsigned bits)
{
	for (const struct option *o = long_options; o->name; o++)
		if (o->val >= 256 && bits & 1u << (o->val - 256))
			return o->name;
	return "";
}

/* EXIT_DONE, or EXIT_USAGE with a word about it. */
static int check(const struct command *command, const struct command_line *line)
{
	unsigned long ignored;

	if (line->given & ~command->options)
		return usage("%s knows no --%s", command->name,
			     option_name(line->given & ~command->options));
	if (command->argument == ARGUMENT_NONE && line->argument)
		return usage("%s takes no \"%s\"", command->name, line->argument);
	if ((command->argument == ARGUMENT_NEEDED || command->argument == ARGUMENT_ORDER) &&
	    !line->argument)
		return usage("%s needs %s", command->name, needed_by(command));
	if (command->argument == ARGUMENT_ORDER && !read_number(line->argument, &ignored))
		return usage("%s needs %s, not \"%s\"", command->name, needed_by(command),
			     line->argument);
	if (command->run == command_release &&
	    (line->argument != NULL) + (line->user != NULL) + ((line->given & OPTION_ALL) != 0) !=
		    1)
		return usage("release needs one of ID, --user and --all");
	return EXIT_DONE;
}

static int run(const struct command *command, struct command_line *line, const char *socket_path)
{
	char path[CONTROL_PATH_BYTES];
	int status = check(command, line);

	if (status != EXIT_DONE)
		return status;
	if (!socket_path)
		socket_path = getenv("ADIEU_SOCKET");
	control_socket_path(getenv("XDG_RUNTIME_DIR"), access(CONTROL_FOLDER, W_OK) == 0, getuid(),
			    path);
	line->client = client_open(socket_path ? socket_path : path);
	if (!line->client)
		return EXIT_NO_DAEMON;
	status = command->run(line);
	client_close(line->client);
	return status;
}

int main(int argc, char **argv)
{
	struct command_line line = {0};
	const struct command *command;
	const char *socket_path = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "s:hV", long_options, NULL)) != -1) {
		if (c == 's')
			socket_path = optarg;
		else if (c == 'j')
			line.json = true;
		else if (c == 'V')
			return printf("adieu %s\n", ADIEU_VERSION) < 0;
		else if (c == 'h')
			return fputs(USAGE, stdout) < 0;
		else if (c < 256)
			return EXIT_USAGE; /* getopt_long() has said what is wrong */
		else if (!take_option(&line, 1u << (c - 256), optarg))
			return usage("--%s needs a number, not \"%s\"",
				     option_name(1u << (c - 256)), optarg);
	}
	if (optind == argc)
		return usage("no command given");
	command = command_of(argv[optind]);
	if (!command)
		return usage("there is no command \"%s\"", argv[optind]);
	if (optind + 1 < argc)
		line.argument = argv[optind + 1];
	if (optind + 2 < argc)
		return usage("%s takes no \"%s\"", command->name, argv[optind + 2]);
	return run(command, &line, socket_path);
}
