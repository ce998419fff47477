/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_reply.c - the SMTP reply, with any texts and names: one line, within limits. */
#include "fuzz.h"

#include "policy/decision/reply.h"

#include <stdlib.h>
#include <string.h>

#define WIRE_MAX 980 /* what libmilter takes, every % being two */
#define ID_MAX 10

/* take - the next piece of the input, as much of it as the member holds */
static void
take(struct fuzz_input *input, char *member, size_t room)
{
	char *piece = fuzz_piece(input, '\n');

	snprintf(member, room, "%s", piece);
	free(piece);
}

/* take_id - letters and digits, as id_next() makes them */
static char *
take_id(struct fuzz_input *input)
{
	char *id = fuzz_piece(input, '\n');
	size_t n = strlen(id);

	if (n > ID_MAX)
		id[ID_MAX] = '\0';
	for (size_t i = 0; id[i] != '\0'; i++)
		id[i] = "0123456789abcdefghjkmnpqrstvwxyz"[(unsigned char)id[i] % 32];
	return id;
}

/* text_is_sound - printable ASCII, and the id at its end */
static void
text_is_sound(const struct reply *r, const char *id)
{
	size_t n = strlen(r->text), wire = n;
	char end[ID_MAX + 4];

	fuzz_expect(strlen(r->code) + strlen(r->xcode) + 2 + n <= REPLY_LINE_MAX);
	for (size_t i = 0; i < n; i++) {
		fuzz_expect(r->text[i] >= ' ' && r->text[i] <= '~');
		wire += r->text[i] == '%';
	}
	fuzz_expect(wire <= WIRE_MAX);
	if (*id == '\0')
		return;
	snprintf(end, sizeof end, " [%s]", id);
	fuzz_expect(n >= strlen(end) && strcmp(r->text + n - strlen(end), end) == 0);
}

static void
is_sound(const struct reply *r, const struct decision *d, const char *id)
{
	if (decision_passes(d->verdict)) {
		fuzz_expect(r->code[0] == '\0');
		return;
	}
	fuzz_expect(strlen(r->code) == 3 && strlen(r->xcode) >= 5);
	fuzz_expect(r->code[0] == (d->verdict == VERDICT_TEMPFAIL ? '4' : '5'));
	fuzz_expect(r->xcode[0] == r->code[0]);
	text_is_sound(r, id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t flags = fuzz_byte(&input);
	struct decision d = {.verdict = (enum verdict)(fuzz_byte(&input) % 5),
	    .reason = (enum reason)(fuzz_byte(&input) % (REASON_STORE_ERROR + 1)),
	    .login_locked = flags & 1};
	struct settings settings;
	struct reply reply, again;
	struct tenant tenant;
	char *name[4];

	settings_init(&settings);
	tenant_init(&tenant);
	settings.reply_style = flags & 2 ? REPLY_EXCHANGE : REPLY_STANDARD;
	take(&input, settings.reply_tenant, sizeof settings.reply_tenant);
	take(&input, settings.reply_mailbox, sizeof settings.reply_mailbox);
	take(&input, settings.help_url, sizeof settings.help_url);
	take(&input, tenant.reply, sizeof tenant.reply);
	name[0] = take_id(&input);
	for (int i = 1; i < 4; i++)
		name[i] = fuzz_piece(&input, '\n');
	memset(&reply, 'x', sizeof reply);
	memset(&again, 'y', sizeof again);
	for (int i = 0; i < 2; i++)
		reply_build(&settings, flags & 4 ? &tenant : NULL, &d,
		    &(struct reply_names){name[1], name[2], name[3], name[0]},
		    i == 0 ? &reply : &again);
	is_sound(&reply, &d, name[0]);
	fuzz_expect(strcmp(reply.text, again.text) == 0);
	for (int i = 0; i < 4; i++)
		free(name[i]);
	return 0;
}
