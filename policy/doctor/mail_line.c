/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_line - one line of the mail log of Postfix or Sendmail */
#include "policy/doctor/mail_line.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define SECONDS_A_DAY 86400

/* word_of - the word at AT, which WORD (CAP bytes) must have room for; the next one, or
 * NULL */
static const char *
word_of(const char *at, char *word, size_t cap)
{
	size_t n = strcspn(at, " \r\n");

	if (n == 0 || n >= cap || at[n] != ' ')
		return NULL;
	memcpy(word, at, n);
	word[n] = '\0';
	return at + n + strspn(at + n, " ");
}

/* iso_time - RFC 3339, also with the offset "+0100" of journalctl */
static instant
iso_time(const char *word)
{
	char text[64];
	size_t n = strlen(word);
	instant at;

	if (n < 20 || n + 2 > sizeof text || !isdigit((unsigned char)word[0]) ||
	    word[10] != 'T')
		return INSTANT_NONE;
	strcpy(text, word);
	if ((text[n - 5] == '+' || text[n - 5] == '-') &&
	    strspn(text + n - 4, "0123456789") == 4) {
		memmove(text + n - 1, text + n - 2, 3);
		text[n - 2] = ':';
	}
	return instant_parse(text, INSTANT_DAY_START, 0, &at, NULL) == OK
	    ? at
	    : INSTANT_NONE;
}

/* local_time - of the latest year in which it is not after NOW, but for a day */
static instant
local_time(struct tm *tm, instant now)
{
	time_t t = (time_t)now;
	struct tm today;

	if (localtime_r(&t, &today) == NULL)
		return INSTANT_NONE;
	for (int back = 0; back < 2; back++) {
		struct tm try = *tm;

		try.tm_year = today.tm_year - back;
		try.tm_isdst = -1;
		t = mktime(&try);
		if (t != (time_t)-1 && (instant)t <= now + SECONDS_A_DAY)
			return (instant)t;
	}
	return INSTANT_NONE;
}

/* digits_of - the number of two digits at S, the first of which may be a blank; -1 */
static int
digits_of(const char *s)
{
	if ((!isdigit((unsigned char)s[0]) && s[0] != ' ') ||
	    !isdigit((unsigned char)s[1]))
		return -1;
	return (s[0] == ' ' ? 0 : s[0] - '0') * 10 + s[1] - '0';
}

/* syslog_time - "Nov 23 10:00:00", and what follows it; NULL for anything else */
static const char *
syslog_time(const char *line, instant now, instant *at_r)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {.tm_sec = 0};
	char month[4] = "";
	const char *found;

	if (strnlen(line, 16) < 16 || line[3] != ' ' || line[6] != ' ' ||
	    line[9] != ':' || line[12] != ':' || line[15] != ' ')
		return NULL;
	memcpy(month, line, 3);
	found = strstr(months, month);
	tm.tm_mday = digits_of(line + 4);
	tm.tm_hour = digits_of(line + 7);
	tm.tm_min = digits_of(line + 10);
	tm.tm_sec = digits_of(line + 13);
	if (found == NULL || (found - months) % 3 != 0 || tm.tm_mday < 1 ||
	    tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return NULL;
	tm.tm_mon = (int)(found - months) / 3;
	*at_r = local_time(&tm, now);
	return line + 16;
}

bool
mail_line_read(const char *line, instant now, struct mail_line *out)
{
	char word[MAIL_LINE_WORD_MAX + 1];
	const char *at = syslog_time(line, now, &out->at);

	if (at == NULL) {
		at = word_of(line, word, sizeof word);
		if (at == NULL || (out->at = iso_time(word)) == INSTANT_NONE)
			return false;
	}
	at = word_of(at, out->host, sizeof out->host);
	if (at == NULL || (at = word_of(at, out->program, sizeof out->program)) == NULL)
		return false;
	out->program[strcspn(out->program, "[:")] = '\0';
	out->text = at;
	return true;
}

/* field_of - what stands between BEGIN and one of ENDS; false when it is not there */
static bool
field_of(const char *line, const char *begin, const char *ends, char *out, size_t cap)
{
	const char *at = strstr(line, begin);
	size_t n;

	if (at == NULL)
		return false;
	at += strlen(begin);
	if (*at == '<') {
		at++;
		ends = ">";
	}
	n = strcspn(at, ends);
	if (n == 0 || n >= cap)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	return true;
}

/* client_of - the address in brackets after "client=", "from " or "relay=" */
static void
client_of(const char *line, char *out, size_t cap)
{
	static const char *const places[] = {"client=", ": MAIL from ", "relay="};

	out[0] = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *at = strstr(line, places[i]);

		if (at != NULL && field_of(at, "[", "]", out, cap))
			return;
	}
}

/* has_queue_id - "...]: 4B2C9: client=...", as a message's first line has it */
static bool
has_queue_id(const char *line)
{
	const char *client = strstr(line, ": client="), *id = client;

	if (client == NULL)
		return false;
	while (id > line && isalnum((unsigned char)id[-1]))
		id--;
	return client - id >= 5 && strncmp(id, "NOQUEUE", 7) != 0;
}

bool
mail_line_login(const char *line, struct mail_login *out)
{
	if (strstr(line, "authentication failed") != NULL)
		return false; /* Postfix 3.8 and later name the login of a guess, too */
	out->mta = MTA_POSTFIX;
	if (!field_of(line, "sasl_username=", ",\r\n", out->login, sizeof out->login)) {
		if (strstr(line, "AUTH=server") == NULL ||
		    !field_of(line, "authid=", ",\r\n", out->login, sizeof out->login))
			return false;
		out->mta = MTA_SENDMAIL;
	}
	client_of(line, out->client, sizeof out->client);
	out->mail = out->mta == MTA_POSTFIX && has_queue_id(line);
	return true;
}
