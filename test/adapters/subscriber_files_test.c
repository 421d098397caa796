/* Folders of users: each kind of error with its file and line, what comes of good ones, bounds, credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "adapters/credentials_file.h"
#include "adapters/cx_user_data.h"
#include "adapters/subscriber_files.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ folders */

struct world {
	char path[64];
	struct subscriber_problems problems;
	struct subscribers *set;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->path, "/tmp/adieu-test-XXXXXX");
	*state = w;
	return mkdtemp(w->path) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	subscribers_close(w->set);
	nftw(w->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void write_mode(struct world *w, const char *name, const char *text, mode_t mode)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", w->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void write_file(struct world *w, const char *name, const char *text)
{
	write_mode(w, name, text, 0640);
}

static bool read_folder(struct world *w)
{
	subscribers_close(w->set);
	w->set = subscriber_files_read(w->path, &w->problems);
	return w->set != NULL;
}

static void print_problems(const struct world *w)
{
	char line[5000];

	for (unsigned i = 0; i < w->problems.n && i < SUBSCRIBER_PROBLEMS_MAX; i++) {
		struct text_writer writer = text_writer_on(line, sizeof(line));

		subscriber_problem_put(&w->problems.kept[i], w->path, &writer);
		print_message("%.*s\n", TEXT_ARGS(text_written(&writer)));
	}
}

static void expect_good(struct world *w)
{
	if (!read_folder(w)) {
		print_problems(w);
		fail_msg("the folder was refused");
	}
	assert_int_equal(w->problems.n, 0);
}

/* One of the problems is this one. */
static void expect_problem(struct world *w, const char *file, unsigned line, const char *said)
{
	for (unsigned i = 0; i < w->problems.n && i < SUBSCRIBER_PROBLEMS_MAX; i++) {
		const struct subscriber_problem *p = &w->problems.kept[i];

		if (strcmp(p->file, file) == 0 && p->line == line && strstr(p->text, said))
			return;
	}
	print_problems(w);
	fail_msg("no problem %s:%u: %s", file, line, said);
}

static const struct public_identity *user_of(const struct world *w, const char *user)
{
	const struct public_identity *found = subscribers_find(w->set, text_of(user));

	if (!found)
		fail_msg("%s was not found", user);
	return found;
}

static void assert_text(struct text found, const char *expected)
{
	if (!text_equal(found, text_of(expected)))
		fail_msg("found \"%.*s\", expected \"%s\"", TEXT_ARGS(found), expected);
}

/* ------------------------------------------------------------------ files */

#define OPEN  "<IMSSubscription>\n<PrivateID>alice@ims.example</PrivateID>\n<ServiceProfile>\n"
#define ALICE "<PublicIdentity><Identity>sip:alice@ims.example</Identity></PublicIdentity>\n"
#define CLOSE "</ServiceProfile>\n</IMSSubscription>\n"
#define GOOD  OPEN ALICE CLOSE
#define SERVER                                                                                     \
	"<ApplicationServer><ServerName>sip:as.ims.example</ServerName></ApplicationServer>\n"
/* A criterion begins in line 5, its own content in line 6. */
#define IFC(inside) OPEN ALICE "<InitialFilterCriteria>\n" inside "</InitialFilterCriteria>\n" CLOSE
#define TRIGGER(inside)                                                                            \
	IFC("<Priority>1</Priority><TriggerPoint>\n" inside "</TriggerPoint>\n" SERVER)
/* The condition stands in line 8. */
#define SPT(inside)                                                                                \
	TRIGGER("<ConditionTypeCNF>1</ConditionTypeCNF><SPT><Group>0</Group>\n" inside "</SPT>\n")

struct bad {
	const char *xml;
	unsigned line;
	const char *said[2]; /* both stand in the message: what is wrong, what was expected */
};

static const struct bad bad_files[] = {
	{"", 1, {"not well-formed XML", ""}},
	{"<IMSSubscription>\n<PrivateID>a@b</PrivateI>\n",
	 2,
	 {"not well-formed XML: ", "PrivateI"}},
	{"<Subscription/>", 1, {"the root is Subscription", "expected IMSSubscription"}},
	{"<?xml version=\"1.0\"?>\n<!DOCTYPE x SYSTEM \"/etc/passwd\">\n" GOOD,
	 2,
	 {"a document type begins here", "expected a document without a DTD"}},
	{"<!DOCTYPE x [<!ENTITY a \"b\">]>\n" GOOD, 1, {"a document type", "without a DTD"}},
	{OPEN ALICE "&nothing;" CLOSE, 5, {"not well-formed XML", "nothing"}},
	{"<IMSSubscription>\n<ServiceProfile>" ALICE CLOSE,
	 1,
	 {"has no PrivateID", "expected one"}},
	{"<IMSSubscription>\n<PrivateID>a@b</PrivateID></IMSSubscription>",
	 1,
	 {"has no ServiceProfile", "expected one"}},
	{"<IMSSubscription>\n<PrivateID>alice</PrivateID>\n</IMSSubscription>",
	 2,
	 {"PrivateID: \"alice\" is not valid", "expected a private identity such as alice@"}},
	{"<IMSSubscription>\n<PrivateID> </PrivateID>\n</IMSSubscription>",
	 2,
	 {"PrivateID is empty", "expected a value"}},
	{OPEN CLOSE, 3, {"ServiceProfile has no PublicIdentity", "expected one"}},
	{OPEN ALICE "<Colour/>\n" CLOSE,
	 5,
	 {"unknown element Colour in ServiceProfile", "expected one of PublicIdentity, Core"}},
	{OPEN ALICE "red\n\n" CLOSE, 5, {"text in ServiceProfile", "expected elements only"}},
	{OPEN "<PublicIdentity/>\n" CLOSE, 4, {"PublicIdentity has no Identity", "expected one"}},
	{OPEN "<PublicIdentity><Identity>alice</Identity></PublicIdentity>" CLOSE,
	 4,
	 {"Identity: \"alice\" is not valid", "expected a SIP or tel URI"}},
	{OPEN "<PublicIdentity><Identity>mailto:a@b</Identity></PublicIdentity>" CLOSE,
	 4,
	 {"mailto:a@b", "SIP or tel URI"}},
	{OPEN "<PublicIdentity a='b'><Identity>sip:a@b</Identity></PublicIdentity>" CLOSE,
	 4,
	 {"PublicIdentity has an attribute", "expected none"}},
	{OPEN "<PublicIdentity>\n<Identity>sip:a@b</Identity>\n<Identity>sip:c@b</Identity>"
	      "</PublicIdentity>" CLOSE,
	 6,
	 {"Identity is given twice in PublicIdentity", "expected one only"}},
	{OPEN "<PublicIdentity><Identity>sip:a@b</Identity>"
	      "<BarringIndication>maybe</BarringIndication></PublicIdentity>" CLOSE,
	 4,
	 {"BarringIndication: \"maybe\" is not valid", "expected 0, 1, false or true"}},
	{OPEN "<PublicIdentity><Identity><a/></Identity></PublicIdentity>" CLOSE,
	 4,
	 {"Identity has an element in it", "expected text only"}},
	{OPEN ALICE "<PublicIdentity><Identity>SIP:alice@IMS.example;a=b</Identity>"
		    "</PublicIdentity>" CLOSE,
	 5,
	 {"sip:alice@ims.example stands in line 4 already", "expected each identity once"}},
	{OPEN "<PublicIdentity><Identity>sip:a!(!@b</Identity></PublicIdentity>" CLOSE,
	 4,
	 {"sip:a!(!@b\" is not valid: ", "expected a wildcarded identity such as"}},
	{OPEN "<PublicIdentity><Identity>sip:a@b</Identity>\n<Extension>\n"
	      "<IdentityType>2</IdentityType></Extension></PublicIdentity>" CLOSE,
	 6,
	 {"IdentityType 2 without a wildcard", "expected a wildcarded identity"}},
	{OPEN "<PublicIdentity><Identity>sip:a@b</Identity><Extension>\n"
	      "<WildcardedPSI>sip:a@b</WildcardedPSI></Extension></PublicIdentity>" CLOSE,
	 5,
	 {"WildcardedPSI: \"sip:a@b\" is not valid", "between two exclamation marks"}},
	{OPEN ALICE "<Extension>\n<SharedIFCSetID>7</SharedIFCSetID></Extension>" CLOSE,
	 6,
	 {"SharedIFCSetID: no set 7 is known", "expected one of shared-ifc-sets.xml"}},
	{IFC(SERVER), 5, {"InitialFilterCriteria has no Priority", "expected one"}},
	{IFC("<Priority>high</Priority>" SERVER),
	 6,
	 {"Priority: \"high\" is not valid", "expected a number from 0 to 2147483647"}},
	{IFC("<Priority>-1</Priority>" SERVER), 6, {"Priority: \"-1\"", "expected a number"}},
	{IFC("<Priority>1</Priority>"), 5, {"has no ApplicationServer", "expected one"}},
	{IFC("<Priority>1</Priority><ApplicationServer>\n<ServerName>as.ims.example</ServerName>"
	     "</ApplicationServer>"),
	 7,
	 {"ServerName: \"as.ims.example\" is not valid", "expected a SIP URI such as"}},
	{IFC("<Priority>1</Priority><ApplicationServer><ServerName>tel:+1</ServerName>"
	     "</ApplicationServer>"),
	 6,
	 {"ServerName: \"tel:+1\"", "expected a SIP URI"}},
	{IFC("<Priority>1</Priority><ProfilePartIndicator>2</ProfilePartIndicator>" SERVER),
	 6,
	 {"ProfilePartIndicator: \"2\"", "expected a number from 0 to 1"}},
	{TRIGGER(""), 6, {"TriggerPoint has no ConditionTypeCNF", "expected one"}},
	{SPT("<RequestURI>a(</RequestURI>"),
	 8,
	 {"RequestURI: \"a(\" is not valid: ", "expected an extended regular expression"}},
	{SPT("<SIPHeader><Header>[</Header></SIPHeader>"), 8, {"Header: \"[\"", "expression"}},
	{SPT("<SIPHeader><Content>a</Content></SIPHeader>"), 8, {"has no Header", "expected"}},
	{SPT("<SessionDescription><Line>m</Line>\n<Content>*(</Content></SessionDescription>"),
	 9,
	 {"Content: \"*(\"", "expression"}},
	{SPT("<SessionCase>5</SessionCase>"), 8, {"SessionCase: \"5\"", "from 0 to 4"}},
	{SPT("<Method>INVITE</Method>\n<SessionCase>0</SessionCase>"),
	 9,
	 {"SessionCase beside Method in one SPT", "expected one condition only"}},
	{SPT(""), 7, {"SPT without a condition", "expected RequestURI, Method"}},
	{SPT("<Method>INVITE</Method><Group>x</Group>"), 8, {"Group: \"x\"", "expected a number"}},
	{SPT("<Method>REGISTER</Method>\n<Extension><RegistrationType>3</RegistrationType>"
	     "</Extension>"),
	 9,
	 {"RegistrationType: \"3\"", "from 0 to 2"}},
	{TRIGGER("<ConditionTypeCNF>1</ConditionTypeCNF>\n<SPT><Method>A</Method></SPT>"),
	 8,
	 {"SPT has no Group", "expected one"}},
};

static void test_sub_2_each_error_has_its_line_and_says_what_was_expected(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		write_file(w, "a.xml", bad_files[i].xml);
		if (read_folder(w))
			fail_msg("file %zu was accepted", i);
		expect_problem(w, "a.xml", bad_files[i].line, bad_files[i].said[0]);
		expect_problem(w, "a.xml", bad_files[i].line, bad_files[i].said[1]);
	}
}

static void test_sub_2_all_errors_of_all_files_are_told(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml", SPT("<RequestURI>a(</RequestURI>") "\n");
	write_file(w, "b.xml", IFC(""));
	write_file(w, "c.xml", "<a>");
	write_file(w, "shared-ifc-sets.xml", "<SharedIFCSets>\n<SharedIFCSet/></SharedIFCSets>");
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 5);
	expect_problem(w, "shared-ifc-sets.xml", 2, "has no ID");
	expect_problem(w, "a.xml", 8, "RequestURI");
	expect_problem(w, "b.xml", 5, "has no Priority");
	expect_problem(w, "b.xml", 5, "has no ApplicationServer");
	expect_problem(w, "c.xml", 1, "not well-formed");
}

static void test_sub_2_more_errors_than_are_kept_are_counted(void **state)
{
	struct world *w = *state;
	char name[16];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%u.xml", i);
		write_file(w, name, OPEN CLOSE);
	}
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 40);
}

static void test_sub_2_a_control_character_does_not_reach_the_terminal(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml",
		   OPEN "<PublicIdentity><Identity>a&#10;\x7f</Identity></PublicIdentity>" CLOSE);
	assert_false(read_folder(w));
	expect_problem(w, "a.xml", 4, "\"a??\"");
}

static void test_sub_2_a_folder_or_file_that_cannot_be_read(void **state)
{
	struct world *w = *state;
	char path[200], line[400];
	struct text_writer writer = text_writer_on(line, sizeof(line));

	assert_null(subscriber_files_read("/nowhere/at/all", &w->problems));
	assert_int_equal(w->problems.n, 1);
	subscriber_problem_put(&w->problems.kept[0], "/nowhere/at/all", &writer);
	assert_text(text_written(&writer),
		    "/nowhere/at/all: cannot be read: No such file or directory");
	snprintf(path, sizeof(path), "%s/pipe.xml", w->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/folder.xml", w->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/gone.xml", w->path);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 3);
	expect_problem(w, "pipe.xml", 0, "expected a plain file");
	expect_problem(w, "folder.xml", 0, "expected a plain file");
	expect_problem(w, "gone.xml", 0, "cannot be read");
}

static void test_other_files_are_passed_over(void **state)
{
	struct world *w = *state;

	write_file(w, "alice.xml", GOOD);
	write_file(w, "alice.xml~", "nonsense");
	write_file(w, ".alice.xml", "nonsense");
	write_file(w, ".xml", "nonsense");
	write_file(w, "README", "nonsense");
	expect_good(w);
	assert_int_equal(subscribers_count(w->set), 1);
}

static void test_an_empty_folder_has_nobody(void **state)
{
	struct world *w = *state;

	expect_good(w);
	assert_int_equal(subscribers_count(w->set), 0);
}

/* ------------------------------------------------------------------ what comes of a good file */

static const char FULL[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<IMSSubscription>\n"
	"  <PrivateID> alice@ims.example </PrivateID>\n"
	"  <ServiceProfile>\n"
	"    <PublicIdentity>\n"
	"      <BarringIndication>true</BarringIndication>\n"
	"      <Identity>tel:+1-555-0100</Identity>\n"
	"      <Extension><IdentityType>0</IdentityType><Future>1</Future></Extension>\n"
	"    </PublicIdentity>\n"
	"    <PublicIdentity>\n"
	"      <Identity>sips:%61lice@IMS.EXAMPLE;user=phone</Identity>\n"
	"      <Extension><Extension><DisplayName>Alice &amp; Co</DisplayName>\n"
	"      <AliasIdentityGroupID>1</AliasIdentityGroupID><Extension>\n"
	"      "
	"<ServiceLevelTraceInfo>x</ServiceLevelTraceInfo></Extension></Extension></Extension>\n"
	"    </PublicIdentity>\n"
	"    "
	"<CoreNetworkServicesAuthorization><SubscribedMediaProfileId>1</SubscribedMediaProfileId>\n"
	"    </CoreNetworkServicesAuthorization>\n"
	"    <InitialFilterCriteria>\n"
	"      <Priority>20</Priority>\n"
	"      <TriggerPoint><ConditionTypeCNF>0</ConditionTypeCNF>\n"
	"        "
	"<SPT><ConditionNegated>1</ConditionNegated><Group>7</Group><Group>2000000000</Group>\n"
	"          <Method>REGISTER</Method>\n"
	"          <Extension><RegistrationType>0</RegistrationType>\n"
	"          <RegistrationType>2</RegistrationType></Extension></SPT>\n"
	"        <SPT><Group>2000000000</Group><Group>2000000000</Group>\n"
	"          "
	"<SIPHeader><Header>accept-contact</Header><Content><![CDATA[\\+g.<x>]]></Content>\n"
	"          </SIPHeader></SPT>\n"
	"        "
	"<SPT><Group>9</Group><SessionDescription><Line>m</Line></SessionDescription></SPT>\n"
	"        <SPT><Group>9</Group><SessionCase>4</SessionCase></SPT>\n"
	"        <SPT><Group>9</Group><RequestURI>^sip:.*<!-- any --></RequestURI></SPT>\n"
	"      </TriggerPoint>\n"
	"      <ApplicationServer><ServerName>sip:as@as.ims.example:5090;lr</ServerName>\n"
	"        <DefaultHandling>1</DefaultHandling><ServiceInfo> a b </ServiceInfo>\n"
	"        <Extension><IncludeRegisterRequest/><IncludeRegisterResponse/></Extension>\n"
	"      </ApplicationServer>\n"
	"      <ProfilePartIndicator>1</ProfilePartIndicator>\n"
	"    </InitialFilterCriteria>\n"
	"    <InitialFilterCriteria><Priority>10</Priority><ApplicationServer>\n"
	"      <ServerName>sip:first.ims.example</ServerName></ApplicationServer>\n"
	"    </InitialFilterCriteria>\n"
	"  </ServiceProfile>\n"
	"  <ServiceProfile>\n"
	"    <PublicIdentity><Identity>sip:alice2@ims.example</Identity></PublicIdentity>\n"
	"  </ServiceProfile>\n"
	"  <Extension><IMSI>001010000000001</IMSI></Extension>\n"
	"</IMSSubscription>\n";

static void test_sub_1_identities_come_to_their_places(void **state)
{
	struct world *w = *state;
	const struct public_identity *alice;

	write_file(w, "alice.xml", FULL);
	expect_good(w);
	assert_int_equal(subscribers_count(w->set), 1);
	alice = user_of(w, "sip:alice@ims.example");
	assert_text(alice->subscriber->private_identity, "alice@ims.example");
	assert_text(alice->display, "Alice & Co");
	assert_false(alice->is_barred);
	assert_null(alice->wildcard);
	assert_int_equal(alice->subscriber->n_identities, 3);
	assert_ptr_equal(alice->subscriber->main, alice);
	assert_true(user_of(w, "tel:+15550100")->is_barred);
	assert_ptr_equal(user_of(w, "tel:+15550100")->profile, alice->profile);
	assert_ptr_not_equal(user_of(w, "sip:alice2@ims.example")->profile, alice->profile);
	assert_int_equal(user_of(w, "sip:alice2@ims.example")->profile->n, 0);
	assert_int_equal(alice->subscriber->credentials.kind, CREDENTIAL_NONE);
}

static void test_sub_1_filter_criteria_come_to_their_places(void **state)
{
	struct world *w = *state;
	const struct service_profile *profile;
	const struct filter_criteria *c;

	write_file(w, "alice.xml", FULL);
	expect_good(w);
	profile = user_of(w, "sip:alice@ims.example")->profile;
	assert_int_equal(profile->n, 2);
	c = &profile->criteria[0];
	assert_int_equal(c->priority, 10);
	assert_int_equal(c->trigger.n_points, 0);
	assert_int_equal(c->profile_part, PROFILE_PART_BOTH);
	assert_text(c->server.uri, "sip:first.ims.example");
	assert_int_equal(c->server.default_handling, SESSION_CONTINUED);
	assert_int_equal(c->server.service_information.len, 0);
	assert_false(c->server.include_register_request);
	c = &profile->criteria[1];
	assert_int_equal(c->priority, 20);
	assert_int_equal(c->profile_part, PROFILE_PART_UNREGISTERED);
	assert_text(c->server.uri, "sip:as@as.ims.example:5090;lr");
	assert_int_equal(c->server.default_handling, SESSION_TERMINATED);
	assert_text(c->server.service_information, " a b ");
	assert_true(c->server.include_register_request && c->server.include_register_response);
}

static void test_sub_1_service_points_come_to_their_places(void **state)
{
	struct world *w = *state;
	const struct trigger_point *t;
	const struct service_point *p;

	write_file(w, "alice.xml", FULL);
	expect_good(w);
	t = &user_of(w, "sip:alice@ims.example")->profile->criteria[1].trigger;
	p = t->points;
	assert_false(t->is_cnf);
	assert_int_equal(t->n_points, 5);
	assert_int_equal(p[0].kind, SERVICE_POINT_METHOD);
	assert_true(p[0].negated);
	assert_text(p[0].method, "REGISTER");
	assert_int_equal(p[0].registration_types, REGISTRATION_INITIAL | REGISTRATION_REMOVAL);
	assert_int_equal(p[0].n_groups, 2);
	/* The numbers are names: small ones are given, in the order of the file. */
	assert_int_equal(p[0].groups[0], 0);
	assert_int_equal(p[0].groups[1], 1);
	assert_int_equal(p[1].kind, SERVICE_POINT_HEADER);
	assert_int_equal(p[1].n_groups, 1);
	assert_int_equal(p[1].groups[0], 1);
	assert_true(pattern_matches(p[1].name, TEXT("Accept-Contact")));
	assert_non_null(p[1].content);
	assert_int_equal(p[2].kind, SERVICE_POINT_SESSION_DESCRIPTION);
	assert_true(pattern_matches(p[2].name, TEXT("m")));
	assert_null(p[2].content);
	assert_int_equal(p[3].kind, SERVICE_POINT_SESSION_CASE);
	assert_int_equal(p[3].session_case, ORIGINATING_CDIV);
	assert_int_equal(p[4].kind, SERVICE_POINT_REQUEST_URI);
	assert_true(pattern_matches(p[4].content, TEXT("sip:bob@ims.example")));
	assert_false(pattern_matches(p[4].content, TEXT("tel:+1;x=sip:")));
	assert_int_equal(p[4].groups[0], 2);
}

static void test_sub_1_the_same_in_a_namespace(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml",
		   "<IMSSubscription xmlns=\"urn:example:cx\" xmlns:x=\"urn:example:x\" "
		   "x:location=\"y\"><PrivateID>a@h</PrivateID><ServiceProfile>"
		   "<PublicIdentity><Identity>sip:a@h</Identity><x:More><a/></x:More>"
		   "</PublicIdentity></ServiceProfile></IMSSubscription>");
	write_file(
		w, "b.xml",
		"<cx:IMSSubscription xmlns:cx=\"urn:example:cx\"><cx:PrivateID>b@h</cx:PrivateID>"
		"<cx:ServiceProfile><cx:PublicIdentity><cx:Identity>sip:b@h</cx:Identity>"
		"</cx:PublicIdentity></cx:ServiceProfile></cx:IMSSubscription>");
	expect_good(w);
	user_of(w, "sip:a@h");
	user_of(w, "sip:b@h");
}

static void test_sub_1_another_encoding(void **state)
{
	struct world *w = *state;

	write_file(
		w, "a.xml",
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" OPEN
		"<PublicIdentity><Identity>sip:a@h</Identity><Extension><Extension>"
		"<DisplayName>\xc4</DisplayName></Extension></Extension></PublicIdentity>" CLOSE);
	expect_good(w);
	assert_text(user_of(w, "sip:a@h")->display, "\xc3\x84");
}

static void test_sub_7_wildcards_of_a_file(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml",
		   OPEN
		   "<PublicIdentity><Identity>sip:list-1@h</Identity><Extension>"
		   "<IdentityType>2</IdentityType><WildcardedPSI>sip:list-!.*!@h</WildcardedPSI>"
		   "</Extension></PublicIdentity>"
		   "<PublicIdentity><Identity>sip:pbx-!.*!@h</Identity><Extension>"
		   "<IdentityType>4</IdentityType></Extension></PublicIdentity>"
		   "<PublicIdentity><Identity>sip:x@h</Identity><Extension><IdentityType>3"
		   "</IdentityType><Extension><Extension><WildcardedIMPU>sip:x!1|2!@h"
		   "</WildcardedIMPU></Extension></Extension></Extension></PublicIdentity>" CLOSE);
	expect_good(w);
	assert_text(user_of(w, "sip:list-99@h")->user, "sip:list-1@h");
	assert_text(user_of(w, "sip:pbx-99@h")->user, "sip:pbx-!.*!@h");
	assert_text(user_of(w, "sip:x2@h")->wildcard->whole, "sip:x!1|2!@h");
	assert_null(subscribers_find(w->set, TEXT("sip:x3@h")));
}

/* ------------------------------------------------------------------ two files */

static void test_sub_8_an_identity_in_two_files_names_both(void **state)
{
	struct world *w = *state;

	write_file(w, "alice.xml", GOOD);
	write_file(w, "zoe.xml", OPEN "\n" ALICE CLOSE);
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 1);
	expect_problem(w, "zoe.xml", 5, "sip:alice@ims.example stands in alice.xml already");
}

static void test_sub_5_a_private_identity_may_have_several_sets(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml", GOOD);
	write_file(w, "b.xml",
		   OPEN "<PublicIdentity><Identity>sip:work@h</Identity></PublicIdentity>" CLOSE);
	write_file(w, "credentials.yaml", "alice@ims.example: {password: x}\n");
	expect_good(w);
	assert_int_equal(user_of(w, "sip:work@h")->subscriber->credentials.kind,
			 CREDENTIAL_PASSWORD);
	assert_ptr_not_equal(user_of(w, "sip:work@h")->subscriber,
			     user_of(w, "sip:alice@ims.example")->subscriber);
}

/* ------------------------------------------------------------------ shared sets */

#define CRITERION(priority, server)                                                                \
	"<InitialFilterCriteria><Priority>" priority                                               \
	"</Priority><ApplicationServer><ServerName>sip:" server                                    \
	"</ServerName></ApplicationServer></InitialFilterCriteria>"
#define SHARED(inside) "<SharedIFCSets>\n" inside "</SharedIFCSets>\n"

static void expect_servers(const struct world *w, const char *user, const char *expected)
{
	const struct service_profile *profile = user_of(w, user)->profile;
	char found[200] = "";

	for (unsigned i = 0; i < profile->n; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%u.%u %.*s ",
			 profile->criteria[i].priority, profile->criteria[i].ordinal,
			 TEXT_ARGS(profile->criteria[i].server.uri));
	assert_string_equal(found, expected);
}

static void test_sub_9_shared_criteria_are_merged_by_priority(void **state)
{
	struct world *w = *state;

	write_file(w, "shared-ifc-sets.xml",
		   SHARED("<SharedIFCSet><ID>1</ID>" CRITERION("5", "s1b") CRITERION(
			   "1", "s1a") "</SharedIFCSet><SharedIFCSet><ID>2</"
				       "ID>" CRITERION("5", "s2") "</"
								  "SharedIFCSet><SharedIFCSet><"
								  "ID>3</ID></SharedIFCSet>"));
	write_file(w, "a.xml",
		   OPEN ALICE CRITERION("5", "own1") CRITERION("9", "own9") CRITERION(
			   "5", "own2") "<Extension><SharedIFCSetID>2</"
					"SharedIFCSetID><SharedIFCSetID>1</SharedIFCSetID>"
					"<SharedIFCSetID>3</SharedIFCSetID></Extension>" CLOSE);
	expect_good(w);
	expect_servers(
		w, "sip:alice@ims.example",
		"1.0 sip:s1a 5.0 sip:own1 5.1 sip:own2 5.2 sip:s2 5.3 sip:s1b 9.0 sip:own9 ");
}

static void test_sub_9_errors_of_shared_sets(void **state)
{
	struct world *w = *state;

	write_file(w, "a.xml",
		   OPEN ALICE "<Extension><SharedIFCSetID>1</SharedIFCSetID></Extension>" CLOSE);
	write_file(w, "shared-ifc-sets.xml",
		   SHARED("<SharedIFCSet><ID>1</ID></SharedIFCSet>\n"
			  "<SharedIFCSet><ID>1</ID></SharedIFCSet>\n<Set/>"));
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 2);
	expect_problem(w, "shared-ifc-sets.xml", 3, "set 1 is given twice");
	expect_problem(w, "shared-ifc-sets.xml", 4, "unknown element Set in SharedIFCSets");
	/* When that file is broken as a whole, those who name its sets are not blamed. */
	write_file(w, "shared-ifc-sets.xml", "<SharedIFCSets>");
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 1);
}

/* ------------------------------------------------------------------ bounds */

/* `n` times `one` between `begin` and `end`; %u in it counts. */
static void write_many(struct world *w, const char *name, const char *begin, const char *one,
		       unsigned n, const char *end)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", w->path, name);
	file = fopen(path, "w");
	fputs(begin, file);
	for (unsigned i = 0; i < n; i++) {
		const char *mark = strchr(one, '%');

		fprintf(file, "%.*s", mark ? (int)(mark - one) : (int)strlen(one), one);
		if (mark)
			fprintf(file, "%u%s", i, mark + 1);
	}
	fputs(end, file);
	fclose(file);
}

struct bound {
	const char *begin, *one;
	unsigned n;
	const char *end, *said;
};

static void test_sub_4_bounds_of_a_file(void **state)
{
	static const struct bound bounds[] = {
		{OPEN, "<PublicIdentity><Identity>sip:%@h</Identity></PublicIdentity>",
		 CX_IDENTITIES_MAX, CLOSE, "expected at most 64 in a file"},
		{OPEN ALICE, CRITERION("%", "h"), CX_CRITERIA_MAX, CLOSE,
		 "expected at most 256 in a profile"},
		{OPEN ALICE "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint>"
			    "<ConditionTypeCNF>1</ConditionTypeCNF>",
		 "<SPT><Group>1</Group><Method>M%</Method></SPT>", LIMIT_SERVICE_POINTS,
		 "</TriggerPoint>" SERVER "</InitialFilterCriteria>" CLOSE,
		 "too many SPT in a TriggerPoint; expected at most 64"},
		{OPEN ALICE "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint>"
			    "<ConditionTypeCNF>1</ConditionTypeCNF><SPT>",
		 "<Group>%</Group>", LIMIT_SERVICE_POINT_GROUPS,
		 "<Method>M</Method></SPT></TriggerPoint>" SERVER "</InitialFilterCriteria>" CLOSE,
		 "too many groups in a TriggerPoint; expected at most 64"},
		{OPEN ALICE "<InitialFilterCriteria><Priority>1</Priority><ApplicationServer>"
			    "<ServerName>sip:h</ServerName><ServiceInfo>",
		 "x", XML_TEXT_BYTES_MAX,
		 "</ServiceInfo></ApplicationServer></InitialFilterCriteria>" CLOSE,
		 "ServiceInfo is too long; expected at most 8192 bytes"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct bound *b = &bounds[i];

		write_many(w, "a.xml", b->begin, b->one, b->n, b->end);
		expect_good(w);
		write_many(w, "a.xml", b->begin, b->one, b->n + 1, b->end);
		assert_false(read_folder(w));
		assert_int_equal(w->problems.n, 1);
		assert_non_null(strstr(w->problems.kept[0].text, b->said));
	}
}

static void test_sub_4_shared_criteria_count_too(void **state)
{
	struct world *w = *state;
	const char *end = "<Extension>\n<SharedIFCSetID>1</SharedIFCSetID></Extension>" CLOSE;

	write_many(w, "shared-ifc-sets.xml", "<SharedIFCSets><SharedIFCSet><ID>1</ID>",
		   CRITERION("%", "h"), 56, "</SharedIFCSet></SharedIFCSets>");
	write_many(w, "a.xml", OPEN ALICE, CRITERION("%", "h"), 200, end);
	expect_good(w);
	assert_int_equal(user_of(w, "sip:alice@ims.example")->profile->n, 256);
	write_many(w, "a.xml", OPEN ALICE, CRITERION("%", "h"), 201, end);
	assert_false(read_folder(w));
	expect_problem(w, "a.xml", 6, "too many InitialFilterCriteria with set 1");
}

static void test_sub_4_the_number_of_shared_sets(void **state)
{
	struct world *w = *state;
	const char *one = "<SharedIFCSet><ID>%</ID></SharedIFCSet>";

	write_many(w, "shared-ifc-sets.xml", "<SharedIFCSets>", one, CX_SHARED_SETS_MAX,
		   "</SharedIFCSets>");
	expect_good(w);
	write_many(w, "shared-ifc-sets.xml", "<SharedIFCSets>", one, CX_SHARED_SETS_MAX + 1,
		   "</SharedIFCSets>");
	assert_false(read_folder(w));
	expect_problem(w, "shared-ifc-sets.xml", 1, "too many SharedIFCSet; expected at most 1024");
}

static void test_sub_4_the_size_of_a_file(void **state)
{
	struct world *w = *state;
	unsigned spaces = XML_FILE_BYTES_MAX - (unsigned)strlen(GOOD);

	write_many(w, "a.xml", GOOD, " ", spaces, "");
	expect_good(w);
	write_many(w, "a.xml", GOOD, " ", spaces + 1, "");
	assert_false(read_folder(w));
	expect_problem(w, "a.xml", 0, "too long; expected at most 1048576 bytes");
}

static void test_sub_4_deep_documents_end_early(void **state)
{
	struct world *w = *state;

	write_many(w, "a.xml", OPEN ALICE, "<Extension>", 100000, "");
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 1);
}

/* A file outside must not come in, and entities must not grow: no DTD is looked into. */
static void test_sub_3_nothing_comes_from_outside(void **state)
{
	struct world *w = *state;
	char xml[2000];

	write_file(w, "secret", "sip:secret@h");
	snprintf(xml, sizeof(xml),
		 "<!DOCTYPE x [<!ENTITY s SYSTEM \"file://%s/secret\">]>\n" OPEN
		 "<PublicIdentity><Identity>&s;</Identity></PublicIdentity>" CLOSE,
		 w->path);
	write_file(w, "a.xml", xml);
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 1);
	expect_problem(w, "a.xml", 1, "expected a document without a DTD");
	snprintf(xml, sizeof(xml),
		 "<IMSSubscription xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include "
		 "href=\"file://%s/secret\" "
		 "parse=\"text\"/><PrivateID>a@h</PrivateID><ServiceProfile>" ALICE CLOSE,
		 w->path);
	write_file(w, "a.xml", xml);
	expect_good(w);
	assert_null(subscribers_find(w->set, TEXT("sip:secret@h")));
}

/* ------------------------------------------------------------------ credentials */

static const struct credentials *credentials_read_as(struct world *w, const char *yaml)
{
	write_file(w, "alice.xml", GOOD);
	write_file(w, "credentials.yaml", yaml);
	expect_good(w);
	return &user_of(w, "sip:alice@ims.example")->subscriber->credentials;
}

#define K      "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OP     "cdc202d5123e20f62b6d676ac72cb318"
#define OPC    "cd63cb71954a9f4e48a5994e37a02baf"
#define MD5    "0123456789ABCDEF0123456789abcdef"
#define SHA256 MD5 MD5

static void test_sub_10_passwords_and_hashes(void **state)
{
	struct world *w = *state;
	const struct credentials *c =
		credentials_read_as(w, "alice@ims.example: {password: 'a b: #c', realm: r}\n");

	assert_int_equal(c->kind, CREDENTIAL_PASSWORD);
	assert_text(c->password, "a b: #c");
	assert_text(c->realm, "r");
	assert_false(c->has_md5 || c->has_sha256);
	c = credentials_read_as(w, "# both hashes\nalice@ims.example:\n  md5: " MD5
				   "\n  sha256: " SHA256 "\n");
	assert_int_equal(c->kind, CREDENTIAL_PASSWORD);
	assert_true(c->has_md5 && c->has_sha256);
	assert_string_equal(c->md5, "0123456789abcdef0123456789abcdef");
	assert_int_equal(strlen(c->sha256), 64);
	assert_int_equal(c->password.len, 0);
	assert_int_equal(c->realm.len, 0);
}

static void test_sub_10_keys_of_a_usim(void **state)
{
	static const uint8_t opc[16] = {0xcd, 0x63, 0xcb, 0x71, 0x95, 0x4a, 0x9f, 0x4e,
					0x48, 0xa5, 0x99, 0x4e, 0x37, 0xa0, 0x2b, 0xaf};
	struct world *w = *state;
	const struct credentials *c = credentials_read_as(
		w, "alice@ims.example: {k: " K ", opc: " OPC ", amf: B9b9, sqn: ff9bb4d0b607}\n");

	assert_int_equal(c->kind, CREDENTIAL_AKA);
	assert_int_equal(c->k[0], 0x46);
	assert_int_equal(c->k[15], 0xbc);
	assert_memory_equal(c->opc, opc, 16);
	assert_int_equal(c->amf[0], 0xb9);
	assert_true(c->sqn == 0xff9bb4d0b607ull);
	/* TS 35.208 test set 1: OPc of this OP. */
	c = credentials_read_as(w, "alice@ims.example: {k: " K ", op: " OP "}\n");
	assert_memory_equal(c->opc, opc, 16);
	assert_int_equal(c->amf[0], 0x80);
	assert_int_equal(c->amf[1], 0);
	assert_true(c->sqn == 0);
}

static void test_sub_10_an_empty_file(void **state)
{
	struct world *w = *state;

	assert_int_equal(credentials_read_as(w, "")->kind, CREDENTIAL_NONE);
	assert_int_equal(credentials_read_as(w, "# nobody yet\n")->kind, CREDENTIAL_NONE);
}

#define A "alice@ims.example:\n"

static const struct bad bad_credentials[] = {
	{"- SECRET\n", 1, {"this is not a mapping", "expected private identities"}},
	{"SECRET: x\n", 1, {"not a private identity", "such as alice@ims.example"}},
	{"alice@ims.example: SECRET\n", 1, {"this is not a mapping", "expected keys such as"}},
	{A "  passwort: SECRET\n", 2, {"unknown key", "expected one of password, md5"}},
	{A "  SECRET: x\n", 2, {"unknown key", "expected one of password, md5"}},
	{A "  md5: SECRET\n", 2, {"md5 is not valid", "expected 32 hexadecimal digits"}},
	{A "  sha256: SECRET" MD5 "\n", 2, {"sha256 is not valid", "expected 64"}},
	{A "  k: SECRET\n  opc: " OPC "\n", 2, {"k is not valid", "expected 32"}},
	{A "  k: " K "\n  op: SECRET\n", 3, {"op is not valid", "expected 32"}},
	{A "  k: " K "\n  op: " OP "\n  amf: SECRET\n", 4, {"amf is not valid", "expected 4"}},
	{A "  k: " K "\n  op: " OP "\n  sqn: SECRET\n", 4, {"sqn is not valid", "expected 12"}},
	{A "  k: " K "\n", 1, {"neither opc nor op", "expected one of them"}},
	{A "  k: " K "\n  op: " OP "\n  opc: " OPC "\n", 1, {"both opc and op", "expected one"}},
	{A "  opc: " OPC "\n", 1, {"no k", "expected k with opc or op"}},
	{A "  k: " K "\n  opc: " OPC "\n  password: SECRET\n", 1, {"do not go with", "one kind"}},
	{A "  password: SECRET\n  md5: " MD5 "\n", 1, {"both password and hashes", "one of them"}},
	{A "  realm: r\n", 1, {"no credentials", "expected password"}},
	{A "  {}\n", 1, {"no credentials", "expected password"}},
	{A "  password: ''\n", 2, {"password is not valid", "1 to 128 printable"}},
	{A "  password: \"SECRET\\n\"\n", 2, {"password is not valid", "printable"}},
	{A "  password: [SECRET]\n", 2, {"password is not valid", "printable"}},
	{A "  password: SECRET\n  realm: 'a\"b'\n", 3, {"realm is not valid", "printable"}},
	{A "  password: SECRET\n  password: SECRET\n", 3, {"password is given twice", "once"}},
	{A "  password: SECRET\n" A "  password: SECRET\n",
	 3,
	 {"alice@ims.example is given twice", "expected each private identity once"}},
	{"bob@ims.example:\n  password: SECRET\n",
	 1,
	 {"bob@ims.example is unknown", "expected the PrivateID of a user"}},
	{A "  password: SECRET\n---\nmore: SECRET\n", 4, {"a second document", "one only"}},
	{A "  password: *SECRET\n", 2, {"not YAML", ""}},
	{A " password: 'SECRET\n", 3, {"not YAML", ""}},
	{A "  password: SECRET\n  \tmd5: x: SECRET\n", 3, {"not YAML", ""}},
};

static void expect_no_secret(const struct world *w)
{
	for (unsigned i = 0; i < w->problems.n; i++) {
		const char *text = w->problems.kept[i].text;

		if (strstr(text, "SECRET"))
			print_problems(w);
		assert_null(strstr(text, "SECRET"));
		assert_null(strstr(text, K));
		assert_null(strstr(text, OP));
		assert_null(strstr(text, OPC));
		assert_null(strstr(text, MD5));
	}
}

static void test_sub_11_errors_of_credentials_show_no_secret(void **state)
{
	struct world *w = *state;

	write_file(w, "alice.xml", GOOD);
	for (size_t i = 0; i < sizeof(bad_credentials) / sizeof(bad_credentials[0]); i++) {
		const struct bad *bad = &bad_credentials[i];

		write_file(w, "credentials.yaml", bad->xml);
		if (read_folder(w))
			fail_msg("credentials %zu were accepted", i);
		expect_problem(w, "credentials.yaml", bad->line, bad->said[0]);
		expect_problem(w, "credentials.yaml", bad->line, bad->said[1]);
		expect_no_secret(w);
	}
}

static void test_sub_11_a_file_open_to_everybody_is_refused(void **state)
{
	static const mode_t open_modes[] = {0644, 0642, 0641, 0666};
	static const mode_t closed_modes[] = {0640, 0600, 0660, 0400};
	struct world *w = *state;

	write_file(w, "alice.xml", GOOD);
	for (size_t i = 0; i < 4; i++) {
		char path[200];

		snprintf(path, sizeof(path), "%s/credentials.yaml", w->path);
		remove(path);
		write_mode(w, "credentials.yaml", A "  password: x\n", open_modes[i]);
		assert_false(read_folder(w));
		assert_int_equal(w->problems.n, 1);
		expect_problem(w, "credentials.yaml", 0, "open to everybody (mode 06");
		expect_problem(w, "credentials.yaml", 0,
			       "expected permissions for owner and group");
		assert_int_equal(chmod(path, closed_modes[i]), 0);
		expect_good(w);
	}
}

static void test_sub_10_the_owner_of_a_broken_file_is_not_unknown(void **state)
{
	struct world *w = *state;

	write_file(w, "credentials.yaml", A "  password: x\nbob@ims.example: {password: x}\n");
	write_file(w, "alice.xml", IFC(""));
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 3);
	expect_problem(w, "credentials.yaml", 3, "bob@ims.example is unknown");
	/* Who this is cannot be told: then nobody is unknown. */
	write_file(w, "alice.xml", "<IMSSubscription>");
	assert_false(read_folder(w));
	assert_int_equal(w->problems.n, 1);
}

/* ------------------------------------------------------------------ damaged files */

static void read_damaged(const char *text, size_t len)
{
	struct subscriber_problems problems = {0};
	struct subscribers *set = subscribers_open();
	struct cx_reader *reader = calloc(1, sizeof(*reader));
	struct subscriber *subscriber;

	assert_true(cx_open(reader, set, &problems));
	subscriber = cx_read_subscription(reader, (struct text){text, (uint32_t)len}, "a.xml");
	assert_true((subscriber != NULL) == (problems.n == 0));
	cx_close(reader);
	free(reader);
	subscribers_close(set);
}

/* Cut off at each byte, and each byte in turn another one: a verdict, and no harm (the sanitizers look on). */
static void test_sub_2_a_damaged_file_does_no_harm(void **state)
{
	static const char others[] = "<>&!\"0\n\xff";
	size_t len = sizeof(FULL) - 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char *copy = malloc(len);

		memcpy(copy, FULL, len);
		read_damaged(copy, i);
		copy[i] = others[i % (sizeof(others) - 1)];
		read_damaged(copy, len);
		free(copy);
	}
}

static void test_sub_10_damaged_credentials_do_no_harm(void **state)
{
	static const char yaml[] = "a@h:\n  password: 'x y'\n  realm: \"r\"\nb@h: {k: " K
				   ", op: " OP ", amf: b9b9, sqn: ff9bb4d0b607}\n";
	static const char others[] = "{}[]:&*!|\n\t\xff'";

	(void)state;
	for (size_t i = 0; i < sizeof(yaml) - 1; i++) {
		for (size_t j = 0; j < sizeof(others) - 1; j++) {
			struct subscriber_problems problems = {0};
			struct subscribers *set = subscribers_open();
			struct credentials_file file;
			char copy[sizeof(yaml)];

			memcpy(copy, yaml, sizeof(yaml));
			copy[i] = others[j];
			credentials_read(&file,
					 (struct text){copy, (uint32_t)(j ? sizeof(yaml) - 1 : i)},
					 "credentials.yaml", set, &problems);
			credentials_clear(&file);
			subscribers_close(set);
		}
	}
}

/* ------------------------------------------------------------------ the examples */

static void copy_example(struct world *w, const char *from, const char *to)
{
	char path[512];
	char *text = calloc(1, 65536);
	FILE *file;

	snprintf(path, sizeof(path), "%s/etc/demo/subscribers/%s", SOURCE_FOLDER, from);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	write_file(w, to, text);
	free(text);
}

static void test_the_examples_are_right(void **state)
{
	struct world *w = *state;

	copy_example(w, "alice.xml", "alice.xml");
	copy_example(w, "bob.xml", "bob.xml");
	copy_example(w, "credentials.example.yaml", "credentials.yaml");
	expect_good(w);
	assert_int_equal(user_of(w, "sip:alice@ims.example")->profile->n, 1);
	assert_text(user_of(w, "sip:+15550101@ims.example")->subscriber->main->user,
		    "sip:bob@ims.example");
	assert_int_equal(user_of(w, "sip:bob@ims.example")->subscriber->credentials.kind,
			 CREDENTIAL_AKA);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sub_2_each_error_has_its_line_and_says_what_was_expected),
		TEST(test_sub_2_all_errors_of_all_files_are_told),
		TEST(test_sub_2_more_errors_than_are_kept_are_counted),
		TEST(test_sub_2_a_control_character_does_not_reach_the_terminal),
		TEST(test_sub_2_a_folder_or_file_that_cannot_be_read),
		TEST(test_other_files_are_passed_over),
		TEST(test_an_empty_folder_has_nobody),
		TEST(test_sub_1_identities_come_to_their_places),
		TEST(test_sub_1_filter_criteria_come_to_their_places),
		TEST(test_sub_1_service_points_come_to_their_places),
		TEST(test_sub_1_the_same_in_a_namespace),
		TEST(test_sub_1_another_encoding),
		TEST(test_sub_7_wildcards_of_a_file),
		TEST(test_sub_8_an_identity_in_two_files_names_both),
		TEST(test_sub_5_a_private_identity_may_have_several_sets),
		TEST(test_sub_9_shared_criteria_are_merged_by_priority),
		TEST(test_sub_9_errors_of_shared_sets),
		TEST(test_sub_4_bounds_of_a_file),
		TEST(test_sub_4_shared_criteria_count_too),
		TEST(test_sub_4_the_number_of_shared_sets),
		TEST(test_sub_4_the_size_of_a_file),
		TEST(test_sub_4_deep_documents_end_early),
		TEST(test_sub_3_nothing_comes_from_outside),
		TEST(test_sub_10_passwords_and_hashes),
		TEST(test_sub_10_keys_of_a_usim),
		TEST(test_sub_10_an_empty_file),
		TEST(test_sub_11_errors_of_credentials_show_no_secret),
		TEST(test_sub_11_a_file_open_to_everybody_is_refused),
		TEST(test_sub_10_the_owner_of_a_broken_file_is_not_unknown),
		TEST(test_sub_2_a_damaged_file_does_no_harm),
		TEST(test_sub_10_damaged_credentials_do_no_harm),
		TEST(test_the_examples_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
