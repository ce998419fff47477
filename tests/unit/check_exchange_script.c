/* SPDX-License-Identifier: BSD-2-Clause */
/* check_exchange_script.c - Exchange's commands as people paste them. */
#include "policy/base/text.h"
#include "policy/exchange/exchange_script.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EN "\xE2\x80\x93"
#define NBSP "\xC2\xA0"
#define OFF " -SmtpClientAuthenticationDisabled $true"
#define ON " -SmtpClientAuthenticationDisabled $false"

enum { TRANSCRIPT = 1 << 16 };

/* note - one line of the transcript: "3 Set u@a.test disabled", "4 ! why" */
static void
note(struct text *t, const struct exchange_script *s, enum error e,
    const struct exchange *x, const struct error_text *why)
{
	text_printf(t, "%llu ", (unsigned long long)s->where);
	if (e != OK)
		text_printf(t, "! %s\n", why->text);
	else if (x->session)
		text_printf(t, "Session %s\n", x->foreign);
	else if (exchange_cmdlet_writes(x->cmdlet) && !x->said)
		text_printf(t, "Nothing %s\n", x->foreign);
	else if (exchange_cmdlet_writes(x->cmdlet) && x->what_if)
		text_printf(
		    t, "If %s %s\n", x->identity, word_of_smtp_auth(x->smtp_auth));
	else if (exchange_cmdlet_writes(x->cmdlet))
		text_printf(t, "Set %s%s %s\n", x->identity, x->organization,
		    word_of_smtp_auth(x->smtp_auth));
	else
		text_printf(t, "Get %s%s\n", x->identity, x->organization);
}

/* feed - a line, and all that comes of it */
static void
feed(struct exchange_script *s, const char *line, size_t n, struct text *t)
{
	struct error_text why;
	struct exchange x;
	bool found;
	enum error e;
	char *exact = malloc(n > 0 ? n : 1); /* so that a sanitizer sees its end */

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, line, n);
	exchange_script_line(s, exact, n);
	for (;;) {
		e = exchange_script_next(s, &x, &found, &why);
		if (!found)
			break;
		ck_assert(e == OK || e == ERR_DATA || e == ERR_USAGE);
		note(t, s, e, &x, &why);
	}
	free(exact);
}

/* transcript_of - what becomes of N bytes */
static void
transcript_of(const char *in, size_t n, struct text *t)
{
	static struct exchange_script s;
	const char *end = in + n, *lf;
	struct error_text why;
	enum error e;

	exchange_script_start(&s);
	for (; in < end; in = lf + 1) {
		lf = memchr(in, '\n', (size_t)(end - in));
		if (lf == NULL)
			lf = end;
		feed(&s, in, (size_t)(lf - in), t);
	}
	e = exchange_script_end(&s, &why);
	if (e != OK)
		note(t, &s, e, NULL, &why);
}

/* matches - line by line; of an error only a part has to be there */
static bool
matches(const char *got, const char *wanted)
{
	while (*got != '\0' && *wanted != '\0') {
		size_t g = strcspn(got, "\n"), w = strcspn(wanted, "\n");
		const char *bang = strstr(wanted, " ! ");

		if (bang == NULL || bang > wanted + w) {
			if (g != w || memcmp(got, wanted, g) != 0)
				return false;
		} else {
			size_t head = (size_t)(bang - wanted) + 3;

			if (strncmp(got, wanted, head) != 0 ||
			    memmem(got, g, wanted + head, w - head) == NULL)
				return false;
		}
		got += g + (got[g] == '\n');
		wanted += w + (wanted[w] == '\n');
	}
	return *got == '\0' && *wanted == '\0';
}

static void
expect(const char *name, const char *in, size_t n, const char *wanted)
{
	static char buf[TRANSCRIPT];
	struct text t;

	text_init(&t, buf, sizeof buf);
	transcript_of(in, n, &t);
	ck_assert(!t.cut);
	ck_assert_msg(matches(buf, wanted), "%s: got\n%swanted\n%s", name, buf, wanted);
}

struct script_case {
	const char *name, *in, *out;
};

static const struct script_case plain[] = {
    {"nothing", "", ""},
    {"blank lines", "\n \t\n" NBSP "\n\r\n", ""},
    {"one", "Set-CASMailbox u@a.test" OFF, "1 Set u@a.test disabled\n"},
    {"with its end", "Set-CASMailbox u@a.test" ON "\n", "1 Set u@a.test enabled\n"},
    {"CRLF and BOM", "\xEF\xBB\xBFSet-CASMailbox u@a.test" OFF "\r\nGet-CASMailbox\r\n",
	"1 Set u@a.test disabled\n2 Get \n"},
    {"a mark within", "Get-CASMailbox\n\xEF\xBB\xBFGet-CASMailbox",
	"1 Get \n2 ! is not supported\n"},
    {"dashes and no-break spaces",
	NBSP "Set" EN "CASMailbox" NBSP "u@a.test " EN "Smtp" NBSP "$True",
	"1 Set u@a.test disabled\n"},
    {"a dash in an address", "Get-CASMailbox a" EN "b@a.test",
	"1 Get a" EN "b@a.test\n"},
    {"semicolons", ";;Get-CASMailbox;Get-CASMailbox b@a.test ; ;",
	"1 Get \n1 Get b@a.test\n"},
    {"wrong ones between", "Get-CASMailbox;foo;Get-CASMailbox b@a.test",
	"1 Get \n1 ! \"foo\"\n1 Get b@a.test\n"},
    {"comments", "# Set-CASMailbox x\nGet-CASMailbox # y\n#", "2 Get \n"},
    {"number sign within a word", "Get-CASMailbox a#b@a.test", "1 Get a#b@a.test\n"},
    {"block comments",
	"<# a #>Get-CASMailbox<# b #> b@a.test <#\n Set-CASMailbox\n| x |\n#> -Res 5",
	"1 Get b@a.test\n"},
    {"a block comment between", "<#\nfoo\n#>\nGet-CASMailbox", "4 Get \n"},
    {"going on", "Set-CASMailbox `\n  u@a.test ` \n -Smtp `\r\n $true\nGet-CASMailbox",
	"1 Set u@a.test disabled\n5 Get \n"},
    {"going on behind a word", "Set-CASMailbox`\n u@a.test`\n -Smtp:$true",
	"1 Set u@a.test disabled\n"},
    {"going on to nothing", "Set-CASMailbox u@a.test" OFF " `\n\nGet-CASMailbox",
	"1 Set u@a.test disabled\n3 Get \n"},
    {"going on behind prompts",
	"PS C:\\> Set-CASMailbox u@a.test `\n>> -Smtp $null\n>>\nPS C:\\>\n",
	"1 Set u@a.test inherit\n"},
    {"prompts", "PS C:\\> Get-CASMailbox\n[PS] C:\\Windows>Get-CASMailbox b@a.test",
	"1 Get \n2 Get b@a.test\n"},
    {"fences", "```powershell\nGet-CASMailbox\n```", "2 Get \n"},
    {"single quotes", "Set-CASMailbox -Identity 'o''neil$x`@a.test' -S 'True'",
	"1 Set o'neil$x`@a.test disabled\n"},
    {"double quotes", "Set-CASMailbox \"a\"\"b`\"c`$d`` e@a.test\" -S \"$true\"",
	"1 Set a\"b\"c$d` e@a.test disabled\n"},
    {"quotes within a word", "Set-CASMailbox -Identity:'a b'@\"a.test\" -S:$true",
	"1 Set a b@a.test disabled\n"},
    {"typographic quotes",
	"Set-CASMailbox \xE2\x80\x9Cu@a.test\xE2\x80\x9D -S "
	"\xE2\x80\x98True\xE2\x80\x99",
	"1 Set u@a.test disabled\n"},
    {"a quoted dash", "Get-CASMailbox '-u@a.test'", "1 Get -u@a.test\n"},
    {"a colon and a space", "Set-CASMailbox -Identity: u@a.test -Smtp: $true",
	"1 Set u@a.test disabled\n"},
    {"a backtick before a bar", "Get-CASMailbox a`|b@a.test", "1 Get a|b@a.test\n"},
    {"tenants", "Set-TransportConfig -Org acme" OFF "\nGet-TransportConfig",
	"1 Set acme disabled\n2 Get \n"},
};

static const struct script_case tables[] = {
    {"one column", "| Set-CASMailbox u@a.test" OFF " |", "1 Set u@a.test disabled\n"},
    {"several columns",
	"| Who | What |\n|:---|---:|\n| Kiosk | Set-CASMailbox u@a.test" OFF
	" | done |\n| Hall | Get-CASMailbox |\n",
	"3 Set u@a.test disabled\n4 Get \n"},
    {"inline code", "|`Set-CASMailbox u@a.test" OFF "`|``Get-CASMailbox``|",
	"1 Set u@a.test disabled\n1 Get \n"},
    {"no bar at the end", "| Get-CASMailbox | x", "1 Get \n"},
    {"no bar at the beginning", "Get-CASMailbox |\nGet-CASMailbox b@a.test |",
	"1 Get \n2 Get b@a.test\n"},
    {"drawn", "+---+\n| W |\n+===+\n| Get-CASMailbox |\n+---+", "4 Get \n"},
    {"empty rows", "| |\n| Get-CASMailbox |\n||\n| | |", "2 Get \n"},
    {"a wiki's heading", "|| Who || What ||\n| x | Get-CASMailbox |", "2 Get \n"},
    {"two tables",
	"| A |\n|---|\n| Get-CASMailbox |\n\n| B |\n|---|\n| Get-CASMailbox |",
	"3 Get \n7 Get \n"},
    {"a prompt in a cell", "| PS C:\\> Get-CASMailbox |", "1 Get \n"},
    {"commands in a cell", "| Get-CASMailbox; Get-CASMailbox b@a.test |",
	"1 Get \n1 Get b@a.test\n"},
    {"dashes in a cell", "| Get" EN "CASMailbox |", "1 Get \n"},
    {"a comment in a cell", "| Get-CASMailbox # x | y |", "1 Get \n"},
    {"within a block comment", "<#\n| x | y |\n#>", ""},
    {"no command", "| u@a.test | $true |", "1 ! no command\n"},
    {"no command, then one", "| u@a.test |\n| Get-CASMailbox |",
	"1 ! no command\n2 Get \n"},
    {"no command, then a line", "| u@a.test |\nGet-CASMailbox",
	"1 ! no command\n2 Get \n"},
    {"no command, then nothing", "| u@a.test |\n\nGet-CASMailbox",
	"1 ! no command\n3 Get \n"},
    {"two headings", "| a |\n|---|\n| b |\n|---|", "3 ! no command\n"},
    {"two headings at once", "| a |\n| b |\n|---|\n| Get-CASMailbox |",
	"1 ! no command\n4 Get \n"},
    {"no commands at all", "| a |\n| b |\n| c |",
	"1 ! no command\n2 ! no command\n3 ! no command\n"},
    {"a row behind one without", "| x |\n| Get-CASMailbox |\n| y |\n|---|",
	"1 ! no command\n2 Get \n3 ! no command\n"},
    {"a wiki's heading amid rows", "|| a ||\n| Get-CASMailbox |\n|| b ||",
	"2 Get \n3 ! no command\n"},
    {"a heading amid rows", "| Get-CASMailbox |\n| b |\n|---|",
	"1 Get \n2 ! no command\n"},
    {"an unknown command in a cell", "| Get-CASMailbox | Remove-Mailbox u |",
	"1 Get \n1 ! \"Remove-Mailbox\"\n"},
    {"a command behind text", "| a | run Get-CASMailbox |\n| Get-CASMailbox |",
	"1 ! first in its cell\n2 Get \n"},
    {"a wrong command in a cell", "| Set-CASMailbox u@a.test | Get-CASMailbox |",
	"1 ! needs -Smtp\n1 Get \n"},
    {"going on out of a cell", "| Get-CASMailbox ` |\nGet-CASMailbox",
	"1 ! end in its cell\n2 Get \n"},
    {"a comment out of a cell", "| Get-CASMailbox <# | #> |\nGet-CASMailbox",
	"1 ! end in its cell\n2 Get \n"},
    {"pipelines at the next line", "Get-CASMailbox\n| Where-Object x",
	"1 Get \n2 ! \"Where-Object\"\n"},
    {"pipelines to ours", "Get-CASMailbox |\n Set-CASMailbox" OFF,
	"1 Get \n2 ! needs the address\n"},
};

/* what stands in runbooks and on pages */
static const struct script_case pasted[] = {
    {"a session",
	"Import-Module ExchangeOnlineManagement\nConnect-ExchangeOnline -UserPrincipalName x\n"
	"Get-CASMailbox; Disconnect-ExchangeOnline -Confirm:$false",
	"1 Session Import-Module\n2 Session Connect-ExchangeOnline\n3 Get \n"
	"3 Session Disconnect-ExchangeOnline\n"},
    {"formats",
	"Get-CASMailbox u@a.test | Format-List *Smtp*\nGet-CASMailbox|ft Name,Smtp* -AutoSize\n"
	"Get-TransportConfig | select -Property SmtpClientAuthenticationDisabled",
	"1 Get u@a.test\n2 Get \n3 Get \n"},
    {"common parameters",
	"Set-CASMailbox u@a.test" OFF " -Confirm:$false -ErrorAction Stop -Force\n"
	"Set-CASMailbox u@a.test" OFF " -WhatIf\nSet-CASMailbox u@a.test" OFF
	" -WhatIf:$false -ea SilentlyContinue -vb",
	"1 Set u@a.test disabled\n2 If u@a.test disabled\n3 Set u@a.test disabled\n"},
    {"other protocols",
	"Set-CASMailbox u@a.test -PopEnabled $false -ImapEnabled:$false" OFF
	"\nSet-CASMailbox u@a.test -PopEnabled $false",
	"1 Set u@a.test disabled\n2 Nothing -PopEnabled\n"},
    {"prompts",
	"(base) PS C:\\> Get-CASMailbox a@a.test\n[DBG]: PS C:\\>> Get-CASMailbox b@a.test\n"
	"C:\\> Get-CASMailbox c@a.test\nPS /home/x> Get-CASMailbox d@a.test",
	"1 Get a@a.test\n2 Get b@a.test\n3 Get c@a.test\n4 Get d@a.test\n"},
    {"output", "WARNING: done\n\nSmtpClientAuthenticationDisabled : True",
	"1 ! \"WARNING:\"\n3 ! leave out such lines\n"},
    {"a list", "$all = Get-Content x.txt\n$all | foreach {Set-CASMailbox $_" OFF "}",
	"1 ! give \"smtpauthctl import\" a list\n2 ! smtpauthctl import\n"},
    {"a quote in a name", "Set-CASMailbox 'o''neil@a.test'" OFF,
	"1 Set o'neil@a.test disabled\n"},
    {"names of guests",
	"Set-CASMailbox u_b.test#EXT#@a.test" OFF "\nSet-CASMailbox u+t@a.test" OFF,
	"1 Set u_b.test#EXT#@a.test disabled\n2 Set u+t@a.test disabled\n"},
    {"an eaten value", "Set-TransportConfig -SmtpClientAuthenticationDisabled",
	"1 ! <<'EOF'\n"},
};

static const struct script_case wrong[] = {
    {"pipelines", "Get-CASMailbox | Set-CASMailbox" OFF, "1 ! smtpauthctl import\n"},
    {"pipelines without spaces", "Get-CASMailbox|sort", "1 ! \"sort\"\n"},
    {"two pipes", "Get-CASMailbox | fl | ft", "1 ! not two\n"},
    {"a pipe after a change", "Set-CASMailbox u@a.test" OFF " | fl", "1 ! \"fl\"\n"},
    {"a filter", "Get-CASMailbox | Where {$_.x}",
	"1 ! mailbox list --smtp-auth enabled\n"},
    {"a computed property", "Get-CASMailbox | select $x", "1 ! \"$x\"\n"},
    {"rows without a first bar", "Get-CASMailbox | x |", "1 ! \"x\"\n"},
    {"chains", "Get-CASMailbox && Get-CASMailbox", "1 ! \"&\"\n"},
    {"variables", "$u = 'x'\nSet-CASMailbox $u" OFF "\nSet-CASMailbox \"$u\"" OFF,
	"1 ! variables\n2 ! variables\n3 ! variables\n"},
    {"a variable as a value", "Set-CASMailbox u@a.test -S $on", "1 ! \"$on\"\n"},
    {"loops", "foreach ($u in $all) {\nSet-CASMailbox $u" OFF "\n}\nGet-CASMailbox",
	"1 ! \"(\" is not supported\n2 ! variables\n3 ! \"}\"\n4 Get \n"},
    {"a loop by its name", "foreach $u", "1 ! smtpauthctl import\n"},
    {"arrays", "Get-CASMailbox a@a.test,b@a.test\nGet-CASMailbox @x",
	"1 ! \",\"\n2 ! \"@\"\n"},
    {"redirection", "Get-CASMailbox > x\nGet-CASMailbox < x", "1 ! \">\"\n2 ! \"<\"\n"},
    {"calls", "& Get-CASMailbox\n'Get-CASMailbox'", "1 ! \"&\"\n2 ! not supported\n"},
    {"other commands", "Connect-MgGraph\nSet-CASMailboxPlan x",
	"1 ! \"Connect-MgGraph\"\n2 ! \"Set-CASMailboxPlan\"\n"},
    {"other parameters", "Set-CASMailbox u@a.test" OFF " -Confirm",
	"1 ! -WhatIf shows\n"},
    {"no value", "Set-CASMailbox u@a.test -Smtp", "1 ! $true, $false or $null\n"},
    {"no value of a tenant", "Set-TransportConfig -Smtp", "1 ! $true, $false\n"},
    {"null of a tenant", "Set-TransportConfig -Smtp $null", "1 ! True or False\n"},
    {"quotes", "Get-CASMailbox 'x\nGet-CASMailbox \"x\nGet-CASMailbox o'x@a.test",
	"1 ! quote is not closed\n2 ! quote is not closed\n3 ! quote is not closed\n"},
    {"escapes", "Get-CASMailbox a`nb\nGet-CASMailbox \"a`tb\"\nGet-CASMailbox a` b",
	"1 ! backtick\n2 ! backtick\n3 Get a b\n"},
    {"a wrong command that goes on", "foo | x `\n -Smtp `\n $true\nGet-CASMailbox",
	"1 ! \"foo\"\n4 Get \n"},
    {"an end that is missing", "Get-CASMailbox\nGet-CASMailbox `",
	"1 Get \n2 ! not complete\n"},
    {"a comment without end", "\n<# x\nGet-CASMailbox", "2 ! not ended\n"},
    {"not UTF-8", "Get-CASMailbox \xFFx\nGet-CASMailbox", "1 ! not UTF-8\n2 Get \n"},
    {"control characters", "Get-CASMailbox a\x01\nGet-CASMailbox \r x\n\x1B[2J",
	"1 ! control\n2 ! control\n3 ! control\n"},
    {"a table of a console", "Name : u", "1 ! \"Name\"\n"},
};

START_TEST(plain_scripts)
{
	expect(plain[_i].name, plain[_i].in, strlen(plain[_i].in), plain[_i].out);
}
END_TEST

START_TEST(pasted_scripts)
{
	expect(pasted[_i].name, pasted[_i].in, strlen(pasted[_i].in), pasted[_i].out);
}
END_TEST

START_TEST(tables_of_commands)
{
	expect(tables[_i].name, tables[_i].in, strlen(tables[_i].in), tables[_i].out);
}
END_TEST

START_TEST(wrong_scripts)
{
	expect(wrong[_i].name, wrong[_i].in, strlen(wrong[_i].in), wrong[_i].out);
}
END_TEST

START_TEST(nul_bytes)
{
	static const char in[] = "Get-CASMailbox a\0b\nGet-CASMailbox";

	expect("NUL", in, sizeof in - 1, "1 ! UTF-8\n2 Get \n");
}
END_TEST

/* padded - a line of N bytes: a command, and a comment */
static char *
padded(size_t n)
{
	char *line = malloc(n);

	ck_assert_ptr_nonnull(line);
	memset(line, '#', n);
	memcpy(line, "Get-CASMailbox ", 15);
	return line;
}

START_TEST(longest_line)
{
	char *line = padded(EXCHANGE_LINE_MAX + 2);

	line[EXCHANGE_LINE_MAX] = '\r';
	expect("limit and CR", line, EXCHANGE_LINE_MAX + 1, "1 Get \n");
	expect("limit", line, EXCHANGE_LINE_MAX, "1 Get \n");
	line[EXCHANGE_LINE_MAX] = '#';
	expect("over it", line, EXCHANGE_LINE_MAX + 1, "1 ! longer than 8192\n");
	free(line);
}
END_TEST

START_TEST(longest_command)
{
	static char in[2 * EXCHANGE_COMMAND_MAX];
	struct text t;

	/* quoted words of nothing take no room, so it is the words' bytes that count */
	text_init(&t, in, sizeof in);
	text_puts(&t, "Get-CASMailbox ");
	for (size_t i = 0; i < EXCHANGE_COMMAND_MAX - 14; i++)
		text_puts(&t, "x");
	expect("limit", in, t.len, "1 ! longer than 320\n");
	text_puts(&t, "x");
	expect("over it", in, t.len, "1 ! longer than 4096\n");
	text_init(&t, in, sizeof in);
	text_puts(&t, "Get-CASMailbox");
	for (int i = 0; i < EXCHANGE_WORDS_MAX; i++)
		text_puts(&t, " u");
	expect("words", in, t.len, "1 ! one more\n");
	text_puts(&t, " u");
	expect("too many words", in, t.len, "1 ! more than 64\n");
}
END_TEST

/* any bytes are read to their end, within the limits that a sanitizer watches */
START_TEST(any_bytes)
{
	static const char *const parts[] = {"Get-CASMailbox", "Set" EN "CASMailbox",
	    " ", "|", "`", "'", "\"", "$true", "-Smtp", ":", "\n", "<#", "#>", "#", ";",
	    "u@a", "\xE2\x80", "\xE2\x80\x98", "PS", ">", "[", "]", "|-", "+-", "```",
	    "\r", NBSP, "\xC2", "$", "@", "\xE2\x80\x9D", "||", "x"};
	static char out[1 << 20];
	char in[512];
	struct text t, got;

	srand((unsigned)_i + 1);
	for (int round = 0; round < 500; round++) {
		text_init(&t, in, sizeof in);
		for (int n = rand() % 40; n >= 0; n--)
			text_puts(&t, parts[(size_t)rand() % COUNT(parts)]);
		text_init(&got, out, sizeof out);
		transcript_of(in, t.len, &got);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exchange_script");
	TCase *tcase = suite_add_case(suite, "scripts");

	tcase_add_loop_test(tcase, plain_scripts, 0, (int)COUNT(plain));
	tcase_add_loop_test(tcase, pasted_scripts, 0, (int)COUNT(pasted));
	tcase_add_loop_test(tcase, tables_of_commands, 0, (int)COUNT(tables));
	tcase_add_loop_test(tcase, wrong_scripts, 0, (int)COUNT(wrong));
	tcase_add_test(tcase, nul_bytes);
	tcase_add_test(tcase, longest_line);
	tcase_add_test(tcase, longest_command);
	tcase_add_loop_test(tcase, any_bytes, 0, 20);
	return suite_run(suite);
}
