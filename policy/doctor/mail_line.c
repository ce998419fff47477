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

/*
 * skip_id - what follows the id of the message, or "NOQUEUE", and whether there is one;
 * an id that begins behind the line's first ": ", or that, as RFC 5424 has it, ends
 * there
 */
static const char *
skip_id(const char *line, bool *queued_r)
{
	const char *colon = strstr(line, ": "), *id = colon;
	size_t n;

	*queued_r = false;
	if (colon == NULL)
		return line;
	while (id > line && isalnum((unsigned char)id[-1]))
		id--;
	if (strncmp(colon, ": client=", 9) != 0)
		id = colon + 2;
	for (n = 0; isalnum((unsigned char)id[n]); n++)
		;
	if (strncmp(id + n, ": ", 2) != 0)
		return id;
	*queued_r = n >= 5 && strncmp(id, "NOQUEUE", n) != 0;
	return id + n + 2;
}

/* field_of_refusal - "reject: MAIL from ...", and what no client can write in it */
static const char *
field_of_refusal(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz-_");
	const char *end = NULL;

	if (n == 0 || strncmp(text + n, ": ", 2) != 0)
		return "";
	for (const char *at = text; (at = strstr(at, " proto=")) != NULL; at++)
		end = at; /* what a client has chosen comes before the last one */
	return end != NULL ? end : "";
}

/*
 * Senders, recipients and headers are words of anybody, and each can hold what looks
 * like a login: so the forms of whole lines count.
 */
bool
mail_line_login(const char *line, struct mail_login *out)
{
	bool queued;
	const char *text = skip_id(line, &queued), *at = text;

	out->mta = MTA_POSTFIX;
	out->mail = queued && strncmp(text, "client=", 7) == 0;
	if (strncmp(text, "AUTH=server", 11) == 0)
		out->mta = MTA_SENDMAIL;
	else if (strncmp(text, "client=", 7) != 0)
		at = field_of_refusal(text);
	if (!field_of(at, out->mta == MTA_SENDMAIL ? "authid=" : "sasl_username=",
		",\r\n", out->login, sizeof out->login))
		return false;
	if (!field_of(text, "[", "]", out->client, sizeof out->client))
		out->client[0] = '\0';
	return true;
}
