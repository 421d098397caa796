/* adieud: see adieud(8). */
#include "base/version.h"
#include "daemon/counters_reference.h"
#include "daemon/daemon.h"

#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* etc/adieu.yaml as it was when this daemon was built. */
extern const char embedded_default_begin[], embedded_default_end[];

static const char DEFAULT_FILE[] =
	ADIEU_CONFIG_FILE; /* where `make install` of this build puts it */

static const char USAGE[] =
	"usage: adieud [-f FILE] [-s SOCKET] [-P PIDFILE] [-v]   run in the foreground\n"
	"       adieud -c [-f FILE]                              check the configuration only\n"
	"       adieud -V                                        version\n"
	"       adieud --config-reference[=man]                  what may stand in the "
	"configuration\n"
	"       adieud --counters-reference[=man]                what `adieu counters` shows\n"
	"Without -f: " ADIEU_CONFIG_FILE " if there is one, else the embedded default.\n";

/* What the pools of the core give back shall go back to the system, not stay in lists of malloc. */
static void set_malloc(void)
{
	mallopt(M_MMAP_THRESHOLD, 32768);
	mallopt(M_TRIM_THRESHOLD, 131072);
}

/* Wrong usage: what is wrong, in one line. */
__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("adieud: ", stderr);
	vfprintf(stderr, format, args);
	fputs(" (adieud --help)\n", stderr);
	va_end(args);
	return 2;
}

enum { OPTION_CONFIG_REFERENCE = 256, OPTION_COUNTERS_REFERENCE };

static int print_reference(void (*print)(FILE *out, bool as_manual), const char *form)
{
	if (form && strcmp(form, "man") != 0)
		return usage("there is no reference as \"%s\"; expected man or nothing", form);
	print(stdout, form != NULL);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"config-reference", optional_argument, NULL, OPTION_CONFIG_REFERENCE},
		{"counters-reference", optional_argument, NULL, OPTION_COUNTERS_REFERENCE},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct daemon_options options = {
		.embedded = text_between(embedded_default_begin, embedded_default_end),
		.control_socket = getenv("ADIEU_SOCKET")};
	bool check_only = false;
	int c;

	while ((c = getopt_long(argc, argv, "f:s:cVvP:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'f': options.config_file = optarg; break;
		case 's': options.control_socket = optarg; break;
		case 'P': options.pid_file = optarg; break;
		case 'v': options.verbose = true; break;
		case 'c': check_only = true; break;
		case 'V': printf("adieud %s\n", ADIEU_VERSION); return 0;
		case 'h': fputs(USAGE, stdout); return 0;
		case OPTION_CONFIG_REFERENCE:
			return print_reference(config_print_reference, optarg);
		case OPTION_COUNTERS_REFERENCE:
			return print_reference(counters_print_reference, optarg);
		default: return 2; /* getopt_long() has said what is wrong */
		}
	}
	if (optind < argc)
		return usage("\"%s\" is too much", argv[optind]);
	if (!options.config_file && access(DEFAULT_FILE, F_OK) == 0)
		options.config_file = DEFAULT_FILE;
	if (check_only)
		return daemon_check(&options, stdout, stderr);
	set_malloc();
	json_object_seed(0);
	return daemon_run(&options);
}
