/* SPDX-License-Identifier: BSD-2-Clause */
/* check_exchange.c - one of Exchange's commands, read from words. */
#include "policy/exchange/exchange.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EN "\xE2\x80\x93"
#define SMTP "-SmtpClientAuthenticationDisabled"

enum { WORDS = 70 };

/* exchange_of - reads words that stand apart by '~', the first one the name */
static enum error
exchange_of(const char *line, enum exchange_source source, struct exchange *out,
    struct error_text *why)
{
	struct exchange_word word[WORDS];
	enum exchange_cmdlet cmdlet;
	size_t n = 0;

	memset(word, 0, sizeof word);
	for (;;) {
		size_t len = strcspn(line, "~");

		ck_assert_uint_lt(n, WORDS);
		word[n].text = (struct exchange_span){line, len};
		word[n].variable =
		    source == EXCHANGE_SCRIPT && memchr(line, '$', len) != NULL;
		n++;
		if (line[len] == '\0')
			break;
		line += len + 1;
	}
	ck_assert(exchange_cmdlet_find(word[0].text, &cmdlet));
	why->text[0] = '\0';
	return exchange_read(cmdlet, word + 1, n - 1, source, out, why);
}

static const struct {
	const char *name;
	bool found;
	enum exchange_cmdlet cmdlet;
} names[] = {
    {"Get-TransportConfig", true, EXCHANGE_GET_TRANSPORT_CONFIG},
    {"Set-TransportConfig", true, EXCHANGE_SET_TRANSPORT_CONFIG},
    {"Get-CASMailbox", true, EXCHANGE_GET_CAS_MAILBOX},
    {"Set-CASMailbox", true, EXCHANGE_SET_CAS_MAILBOX},
    {"set-casmailbox", true, EXCHANGE_SET_CAS_MAILBOX},
    {"SET-CASMAILBOX", true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set\xE2\x80\x90"
     "CASMailbox",
	true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set" EN "CASMailbox", true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set\xE2\x80\x94"
     "CASMailbox",
	true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set\xE2\x80\x95"
     "CASMailbox",
	true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set\xE2\x88\x92"
     "CASMailbox",
	true, EXCHANGE_SET_CAS_MAILBOX},
    {"Set\xE2\x80\x96"
     "CASMailbox",
	false, 0}, /* U+2016 is no dash */
    {"Set\xE2\x80\x8F"
     "CASMailbox",
	false, 0}, /* nor is U+200F */
    {"Set-CASMailbo", false, 0},
    {"Set-CASMailboxx", false, 0},
    {"Set-Mailbox", false, 0},
    {"SetCASMailbox", false, 0},
    {"", false, 0},
    {"Set\xE2\x80", false, 0},
};

START_TEST(find_names)
{
	enum exchange_cmdlet cmdlet = EXCHANGE_CMDLETS;
	struct exchange_span name = {names[_i].name, strlen(names[_i].name)};

	ck_assert_msg(exchange_cmdlet_find(name, &cmdlet) == names[_i].found, "%s",
	    names[_i].name);
	if (names[_i].found)
		ck_assert_msg(cmdlet == names[_i].cmdlet, "%s", names[_i].name);
	else
		ck_assert_int_eq(cmdlet, EXCHANGE_CMDLETS);
}
END_TEST

/* NULL, INHERIT and 0 are what is not looked at */
static const struct {
	const char *words;
	const char *identity, *organization;
	enum smtp_auth smtp_auth;
	uint64_t results;
} good[] = {
    {"Set-CASMailbox~u@a.test~" SMTP "~True", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~$True", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~tRUE", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~$false", "u@a.test", "", SMTP_AUTH_ENABLED, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~False", "u@a.test", "", SMTP_AUTH_ENABLED, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~$NULL", "u@a.test", "", SMTP_AUTH_INHERIT, 0},
    {"Set-CASMailbox~u@a.test~" SMTP "~null", "u@a.test", "", SMTP_AUTH_INHERIT, 0},
    {"Set-CASMailbox~u@a.test~" SMTP ":$true", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~" SMTP "~True~u@a.test", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~-Identity~u@a.test~" SMTP "~True", "u@a.test", "",
	SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~-identity:u@a.test~-smtpclient~True", "u@a.test", "",
	SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~-I~u@a.test~-S~True", "u@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~-Identity:-u@a.test~-S~True", "-u@a.test", "", SMTP_AUTH_DISABLED,
	0},
    {"Set-CASMailbox~" EN "Identity~u@a.test~\xE2\x88\x92Smtp~True", "u@a.test", "",
	SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~a" EN "b@a.test~-S:True", "a" EN "b@a.test", "",
	SMTP_AUTH_DISABLED, 0},
    {"Set-CASMailbox~-I:a:b@a.test~-S:True", "a:b@a.test", "", SMTP_AUTH_DISABLED, 0},
    {"Set-TransportConfig~" SMTP "~True", "", "", SMTP_AUTH_DISABLED, 0},
    {"Set-TransportConfig~" SMTP "~$false~-Organization~acme", "", "acme",
	SMTP_AUTH_ENABLED, 0},
    {"Set-TransportConfig~-Org:Acme~-Smtp:True", "", "Acme", SMTP_AUTH_DISABLED, 0},
    {"Get-TransportConfig", "", "", 0, 0},
    {"Get-TransportConfig~-organization~acme", "", "acme", 0, 0},
    {"Get-CASMailbox", "", "", 0, 1000},
    {"Get-CASMailbox~u@a.test", "u@a.test", "", 0, 1000},
    {"Get-CASMailbox~-Identity~u@a.test", "u@a.test", "", 0, 1000},
    {"Get-CASMailbox~-ResultSize~Unlimited", "", "", 0, EXCHANGE_UNLIMITED},
    {"Get-CASMailbox~-resultsize:unlimited", "", "", 0, EXCHANGE_UNLIMITED},
    {"Get-CASMailbox~-Res~1", "", "", 0, 1},
    {"Get-CASMailbox~-ResultSize~0007", "", "", 0, 7},
    {"Get-CASMailbox~-ResultSize~4294967295", "", "", 0, UINT32_MAX},
};

START_TEST(read_good)
{
	for (int source = EXCHANGE_SCRIPT; source <= EXCHANGE_COMMAND_LINE; source++) {
		struct exchange x;
		struct error_text why;
		enum error e =
		    exchange_of(good[_i].words, (enum exchange_source)source, &x, &why);

		ck_assert_msg(e == OK, "%s: %s", good[_i].words, why.text);
		ck_assert_str_eq(x.identity, good[_i].identity);
		ck_assert_str_eq(x.organization, good[_i].organization);
		if (exchange_cmdlet_writes(x.cmdlet))
			ck_assert_msg(
			    x.smtp_auth == good[_i].smtp_auth, "%s", good[_i].words);
		if (good[_i].results != 0)
			ck_assert_uint_eq(x.results, good[_i].results);
	}
}
END_TEST

#define L320 \
	"a23456789b123456789c123456789d123456789e123456789f123456789g123456789h123456" \
	"789a23456789b123456789c123456789d123456789e123456789f123456789g123456789h123" \
	"456789a23456789b123456789c123456789d123456789e123456789f123456789g123456789h" \
	"123456789a23456789b123456789c123456789d123456789e123456789f123456789g1234567" \
	"89h123456789ABCD"
#define L63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"
#define L253 \
	L63 "." L63 "." L63 "." \
	    "a23456789b123456789c123456789d123456789e123456789f123456789g1"
#define W8 "a~b~c~d~e~f~g~h"
#define W32 W8 "~" W8 "~" W8 "~" W8

static const struct {
	const char *words;
	enum error script, command_line;
	const char *expected;
} bad[] = {
    {"Set-CASMailbox~u@a.test", ERR_USAGE, ERR_USAGE, "needs " SMTP},
    {"Set-CASMailbox~" SMTP "~True", ERR_USAGE, ERR_USAGE, "needs the address"},
    {"Set-CASMailbox", ERR_USAGE, ERR_USAGE, "needs the address"},
    {"Set-TransportConfig", ERR_USAGE, ERR_USAGE, "True or False"},
    {"Set-TransportConfig~" SMTP "~$null", ERR_DATA, ERR_DATA, "use True or False"},
    {"Set-TransportConfig~" SMTP "~Null", ERR_DATA, ERR_DATA, "use True or False"},
    {"Set-TransportConfig~acme~" SMTP "~True", ERR_USAGE, ERR_USAGE, "-Organization"},
    {"Get-TransportConfig~acme", ERR_USAGE, ERR_USAGE, "-Organization"},
    {"Set-CASMailbox~u@a.test~" SMTP "~yes", ERR_DATA, ERR_DATA, "\"yes\""},
    {"Set-CASMailbox~u@a.test~" SMTP "~$", ERR_DATA, ERR_DATA, "\"$\""},
    {"Set-CASMailbox~u@a.test~" SMTP "~$$true", ERR_DATA, ERR_DATA, "$$true"},
    {"Set-CASMailbox~u@a.test~" SMTP "~$truest", ERR_DATA, ERR_DATA, "$truest"},
    {"Set-CASMailbox~u@a.test~" SMTP "~1", ERR_DATA, ERR_DATA, "\"1\""},
    {"Set-CASMailbox~u@a.test~v@a.test~" SMTP "~True", ERR_USAGE, ERR_USAGE,
	"v@a.test"},
    {"Set-CASMailbox~u@a.test~-Identity~v@a.test~" SMTP "~True", ERR_USAGE, ERR_USAGE,
	"twice"},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-Smtp~False", ERR_USAGE, ERR_USAGE,
	"twice"},
    {"Get-CASMailbox~u@a.test~-ImapEnabled~True", ERR_USAGE, ERR_USAGE, "-ImapEnabled"},
    {"Set-CASMailbox~u@a.test~-SmtpClientAuthenticationDisabledX~True", ERR_USAGE,
	ERR_USAGE, "no parameter"},
    {"Set-CASMailbox~u@a.test~-:True", ERR_USAGE, ERR_USAGE, "no parameter"},
    {"Set-CASMailbox~u@a.test~--json", ERR_USAGE, ERR_USAGE, "no parameter"},
    {"Set-CASMailbox~u@a.test~-Organization~acme", ERR_USAGE, ERR_USAGE,
	"no parameter"},
    {"Set-CASMailbox~u@a.test~-WhatIf", ERR_USAGE, ERR_USAGE, "needs " SMTP},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-Confirm", ERR_USAGE, ERR_USAGE,
	"-WhatIf shows"},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-WhatIf:maybe", ERR_DATA, ERR_DATA,
	"\"maybe\""},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-WhatIf~-WhatIf:$false", ERR_USAGE,
	ERR_USAGE, "-WhatIf is given twice"},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-wi:$false~-What", ERR_USAGE, ERR_USAGE,
	"-WhatIf is given twice"},
    {"Set-CASMailbox~u@a.test~" SMTP "~True~-Confirm:$false~-cf:$false", ERR_USAGE,
	ERR_USAGE, "-Confirm is given twice"},
    {"Get-CASMailbox~-Verbose~-Verbose", ERR_USAGE, ERR_USAGE,
	"-Verbose is given twice"},
    {"Set-CASMailbox~u@a.test~-SmtpClientAuthDisabled~True", ERR_USAGE, ERR_USAGE,
	"do you mean " SMTP},
    {"Set-CASMailbox~u@a.test~-Identiy~v@a.test", ERR_USAGE, ERR_USAGE,
	"do you mean -Identity"},
    {"Get-TransportConfig~-ResultSize~5", ERR_USAGE, ERR_USAGE, "no parameter"},
    {"Get-CASMailbox~" SMTP "~True", ERR_USAGE, ERR_USAGE, "no parameter"},
    {"Get-CASMailbox~-ResultSize", ERR_USAGE, ERR_USAGE, "needs a value"},
    {"Get-CASMailbox~-Identity~-ResultSize~5", ERR_USAGE, ERR_USAGE, "needs a value"},
    {"Get-CASMailbox~-ResultSize~0", ERR_DATA, ERR_DATA, "\"0\""},
    {"Get-CASMailbox~-ResultSize~-5", ERR_DATA, ERR_DATA, "\"-5\""},
    {"Get-CASMailbox~-ResultSize~5x", ERR_DATA, ERR_DATA, "\"5x\""},
    {"Get-CASMailbox~-ResultSize~", ERR_DATA, ERR_DATA, "\"\""},
    {"Get-CASMailbox~-ResultSize~4294967296", ERR_DATA, ERR_DATA, "4294967295"},
    {"Get-CASMailbox~-ResultSize~99999999999999999999999", ERR_DATA, ERR_DATA, "9999"},
    {"Get-CASMailbox~", ERR_DATA, ERR_DATA, "empty"},
    {"Get-CASMailbox~" L320 "1", ERR_DATA, ERR_DATA, "longer than 320"},
    {"Get-TransportConfig~-Org~" L253 "9", ERR_DATA, ERR_DATA, "longer than 253"},
    {"Get-CASMailbox~" W32 "~" W32 "~x", ERR_USAGE, ERR_USAGE, "more than 64"},
    /* what a shell leaves of $true */
    {"Set-CASMailbox~u@a.test~" SMTP, ERR_USAGE, ERR_USAGE, SMTP},
    {"Set-CASMailbox~u@a.test~" SMTP "~", ERR_DATA, ERR_USAGE, SMTP},
    {"Set-CASMailbox~u@a.test~" SMTP ":", ERR_USAGE, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP "~-Identity~u@a.test", ERR_USAGE, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP "~u@a.test", ERR_DATA, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP ":~u@a.test", ERR_DATA, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP "~u", ERR_DATA, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP "~D\\u", ERR_DATA, ERR_USAGE, SMTP},
    {"Set-CASMailbox~" SMTP "~$tru~u", ERR_DATA, ERR_DATA, "$tru"},
    {"Set-CASMailbox~u~" SMTP "~tru", ERR_DATA, ERR_DATA, "tru"},
    {"Set-TransportConfig~" SMTP "~-Organization~acme", ERR_USAGE, ERR_USAGE, SMTP},
};

START_TEST(read_bad)
{
	struct error_text why;
	struct exchange x;
	enum error e = exchange_of(bad[_i].words, EXCHANGE_SCRIPT, &x, &why);

	ck_assert_msg(
	    e == bad[_i].script, "%s: %d, %s", bad[_i].words, (int)e, why.text);
	ck_assert_msg(strstr(why.text, bad[_i].expected) != NULL, "%s: %s",
	    bad[_i].words, why.text);
	e = exchange_of(bad[_i].words, EXCHANGE_COMMAND_LINE, &x, &why);
	ck_assert_msg(
	    e == bad[_i].command_line, "%s: %d, %s", bad[_i].words, (int)e, why.text);
	ck_assert_msg(strstr(why.text, bad[_i].expected) != NULL, "%s: %s",
	    bad[_i].words, why.text);
	if (strcmp(bad[_i].expected, SMTP) == 0)
		ck_assert_msg(strstr(why.text, "quote it, or write True") != NULL,
		    "%s: %s", bad[_i].words, why.text);
}
END_TEST

START_TEST(limits_are_met)
{
	struct error_text why;
	struct exchange x;

	ck_assert_uint_eq(strlen(L320), LOGIN_RAW_MAX);
	ck_assert_int_eq(
	    exchange_of("Get-CASMailbox~" L320, EXCHANGE_SCRIPT, &x, &why), OK);
	ck_assert_str_eq(x.identity, L320);
	ck_assert_int_eq(
	    exchange_of("Get-TransportConfig~-O~" L253, EXCHANGE_SCRIPT, &x, &why), OK);
	ck_assert_str_eq(x.organization, L253);
}
END_TEST

START_TEST(variables_are_refused)
{
	struct error_text why;
	struct exchange x;
	enum error e =
	    exchange_of("Set-CASMailbox~$user~-S~$true", EXCHANGE_SCRIPT, &x, &why);

	ck_assert_int_eq(e, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(why.text, "variables"));
	/* a shell has left it there: it is a dollar sign */
	e = exchange_of(
	    "Set-CASMailbox~$u@a.test~-S~$true", EXCHANGE_COMMAND_LINE, &x, &why);
	ck_assert_int_eq(e, OK);
	ck_assert_str_eq(x.identity, "$u@a.test");
}
END_TEST

START_TEST(quoted_words_are_values)
{
	struct exchange_word word[] = {{{"-foo@a.test", 11}, true, false, false},
	    {{"-S", 2}, false, false, false}, {{"True", 4}, true, false, false}};
	struct exchange x;
	enum error e =
	    exchange_read(EXCHANGE_SET_CAS_MAILBOX, word, 3, EXCHANGE_SCRIPT, &x, NULL);

	ck_assert_int_eq(e, OK);
	ck_assert_str_eq(x.identity, "-foo@a.test");
	word[1].quoted = true;
	e = exchange_read(EXCHANGE_SET_CAS_MAILBOX, word, 3, EXCHANGE_SCRIPT, &x, NULL);
	ck_assert_int_eq(e, ERR_USAGE);
}
END_TEST

static const struct {
	const char *name, *expected;
} unknowns[] = {
    {"foreach", "\"foreach\" is not supported; see \"smtpauthctl import\""},
    {"Set-Mailbox", "see \"smtpauthctl mailbox set\""},
    {"Set-CASMailbox", "see \"smtpauthctl import\""},
    {"Set-CASMailboxPlan", "see \"smtpauthctl tenant set\""},
    {"Set-AuthenticationPolicy", "--blocks passwords"},
    {"Where-Object", "see \"smtpauthctl mailbox list --smtp-auth enabled\""},
    {"Start-Sleep", "only Get-TransportConfig, Set-TransportConfig"},
    {"Start-Sleep", "smtpauthctl --help"},
    {"$users", "variables are not supported"},
};

START_TEST(unknown_names)
{
	struct error_text why;
	struct exchange_span name = {unknowns[_i].name, strlen(unknowns[_i].name)};

	ck_assert_int_eq(exchange_unknown(name, &why), ERR_USAGE);
	ck_assert_msg(strstr(why.text, unknowns[_i].expected) != NULL, "%s", why.text);
}
END_TEST

static const struct {
	const char *in, *out;
} prompts[] = {
    {"PS C:\\> Get-CASMailbox", "Get-CASMailbox"},
    {"PS C:\\Users\\a b>Get-CASMailbox", "Get-CASMailbox"},
    {"PS> x", "x"},
    {"ps /home/u> x", "x"},
    {"  [PS] C:\\Windows\\system32>x", "x"},
    {"[mx1]: PS C:\\> x", "x"},
    {">> -Smtp $true", "-Smtp $true"},
    {"PS C:\\>", ""},
    {"PSx> y", "PSx> y"},
    {"PS C:\\ x", "PS C:\\ x"},
    {"[a] > x", "[a] > x"},
    {"[PS] x", "[PS] x"},
    {"[P", "[P"},
    {"P", "P"},
    {"", ""},
    {"\xC2\xA0 x \xC2\xA0", "x"},
};

START_TEST(prompts_are_skipped)
{
	struct exchange_span s = exchange_char_skip_prompt(
	    (struct exchange_span){prompts[_i].in, strlen(prompts[_i].in)});

	ck_assert_msg(s.len == strlen(prompts[_i].out) &&
		memcmp(s.at, prompts[_i].out, s.len) == 0,
	    "%s: %.*s", prompts[_i].in, (int)s.len, s.at);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tcase = suite_add_case(suite, "words");

	tcase_add_loop_test(tcase, find_names, 0, (int)COUNT(names));
	tcase_add_loop_test(tcase, read_good, 0, (int)COUNT(good));
	tcase_add_loop_test(tcase, read_bad, 0, (int)COUNT(bad));
	tcase_add_test(tcase, limits_are_met);
	tcase_add_test(tcase, variables_are_refused);
	tcase_add_test(tcase, quoted_words_are_values);
	tcase_add_loop_test(tcase, unknown_names, 0, (int)COUNT(unknowns));
	tcase_add_loop_test(tcase, prompts_are_skipped, 0, (int)COUNT(prompts));
	return suite_run(suite);
}
