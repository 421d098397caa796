/* adieud: see adieud(8). */
#include "base/version.h"
#include "daemon/daemon.h"

#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

/* etc/adieu.yaml as it was when this daemon was built. */
extern const char embedded_default_begin[], embedded_default_end[];

static const char DEFAULT_FILE[] = "/etc/adieu/adieu.yaml";

static const char USAGE[] =
	"usage: adieud [-f FILE] [-s SOCKET] [-P PIDFILE] [-v]   run in the foreground\n"
	"       adieud -c [-f FILE]                              check the configuration only\n"
	"       adieud -V                                        version\n"
	"       adieud --config-reference                        what may stand in the "
	"configuration\n"
	"Without -f: /etc/adieu/adieu.yaml if there is one, else the embedded default.\n";

/* What the pools of the core give back shall go back to the system, not stay in lists of malloc. */
static void set_malloc(void)
{
	mallopt(M_MMAP_THRESHOLD, 32768);
	mallopt(M_TRIM_THRESHOLD, 131072);
}

static int check(const struct daemon_options *options)
{
	struct bindings bindings;
	struct config *config = daemon_read_config(options, &bindings, stderr);

	if (!config)
		return 1;
	bindings_clear(&bindings);
	config_free(config);
	return 0;
}

enum { OPTION_REFERENCE = 256 };

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"config-reference", no_argument, NULL, OPTION_REFERENCE},
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
		case OPTION_REFERENCE: config_print_reference(stdout); return 0;
		default: fputs(USAGE, stderr); return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "adieud: \"%s\" is too much\n%s", argv[optind], USAGE);
		return 2;
	}
	if (!options.config_file && access(DEFAULT_FILE, F_OK) == 0)
		options.config_file = DEFAULT_FILE;
	if (check_only)
		return check(&options);
	set_malloc();
	json_object_seed(0);
	return daemon_run(&options);
}
