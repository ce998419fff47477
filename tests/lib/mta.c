/* SPDX-License-Identifier: BSD-2-Clause */
/* mta.c - the MTA's side of the milter protocol, for tests against a running milter. */
#include "tests/lib/mta.h"

#include "tests/lib/deadline.h"
#include "tests/lib/milter_packet.h"
#include "tests/lib/test_socket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_SIZE = 12, PORT_IN_USE = 50000 };

struct mta {
	int fd;
	int patience; /* milliseconds */
	uint32_t version;
	uint32_t actions;
	uint32_t steps;
	char *wanted[MTA_STAGES];
};

struct mta *
mta_open(const char *socket)
{
	struct mta *mta;
	int fd = test_socket_connect(socket);

	if (fd < 0)
		return NULL;
	mta = calloc(1, sizeof(*mta));
	if (mta == NULL) {
		close(fd);
		return NULL;
	}
	mta->fd = fd;
	mta->patience = 20000 * deadline_factor();
	return mta;
}

void
mta_close(struct mta **mta)
{
	int stage;

	if (*mta == NULL)
		return;
	close((*mta)->fd);
	for (stage = 0; stage < MTA_STAGES; stage++)
		free((*mta)->wanted[stage]);
	free(*mta);
	*mta = NULL;
}

void
mta_patience(struct mta *mta, int milliseconds)
{
	mta->patience = milliseconds;
}

bool
mta_raw(struct mta *mta, const void *bytes, size_t size)
{
	return milter_packet_send_bytes(mta->fd, bytes, size);
}

bool
mta_packet(struct mta *mta, char command, const void *data, size_t size)
{
	return milter_packet_send(mta->fd, command, data, size);
}

/* kind_of - names a reply by its letter */
static enum mta_kind
kind_of(char command)
{
	switch (command) {
	case 'c':
		return MTA_CONTINUE;
	case 'a':
		return MTA_ACCEPT;
	case 'r':
		return MTA_REJECT;
	case 't':
		return MTA_TEMPFAIL;
	case 'y':
		return MTA_REPLY;
	default:
		return MTA_OTHER;
	}
}

struct mta_reply
mta_read(struct mta *mta)
{
	struct mta_reply reply = {.kind = MTA_CLOSED};
	enum milter_packet_result result;
	char *data = NULL;
	size_t size = 0;

	do {
		free(data);
		data = NULL;
		result = milter_packet_read(
		    mta->fd, mta->patience, &reply.command, &data, &size);
	} while (result == MILTER_PACKET_READ && reply.command == 'p');
	if (result != MILTER_PACKET_READ) {
		reply.kind = result == MILTER_PACKET_SILENT ? MTA_SILENT : MTA_CLOSED;
		return reply;
	}
	reply.kind = kind_of(reply.command);
	/* A reply is sent with its final NUL, which is not part of the text. */
	if (size > 0 && data[size - 1] == '\0')
		size--;
	reply.size = size < MTA_TEXT_SIZE ? size : MTA_TEXT_SIZE - 1;
	memcpy(reply.text, data, reply.size);
	free(data);
	return reply;
}

/* lists_keep - keeps the macro lists that follow the options in a negotiation */
static void
lists_keep(struct mta *mta, const char *data, size_t size)
{
	size_t at = OPTIONS_SIZE;

	while (at + sizeof(uint32_t) < size) {
		uint32_t stage;

		memcpy(&stage, data + at, sizeof(stage));
		stage = ntohl(stage);
		at += sizeof(stage);
		if (stage < MTA_STAGES && mta->wanted[stage] == NULL)
			mta->wanted[stage] = strndup(data + at, size - at);
		at += strnlen(data + at, size - at) + 1;
	}
}

bool
mta_negotiate_as(struct mta *mta, uint32_t version, uint32_t actions, uint32_t steps)
{
	uint32_t offer[3] = {htonl(version), htonl(actions), htonl(steps)};
	uint32_t answer[3];
	char command, *data = NULL;
	size_t size;
	bool agreed;

	if (!mta_packet(mta, 'O', offer, sizeof(offer)))
		return false;
	if (milter_packet_read(mta->fd, mta->patience, &command, &data, &size) !=
	    MILTER_PACKET_READ)
		return false;
	agreed = command == 'O' && size >= OPTIONS_SIZE;
	if (agreed) {
		memcpy(answer, data, sizeof(answer));
		mta->version = ntohl(answer[0]);
		mta->actions = ntohl(answer[1]);
		mta->steps = ntohl(answer[2]);
		lists_keep(mta, data, size);
	}
	free(data);
	return agreed;
}

bool
mta_negotiate(struct mta *mta)
{
	return mta_negotiate_as(mta, 6, MTA_ALL_ACTIONS, MTA_ALL_STEPS);
}

uint32_t
mta_version(const struct mta *mta)
{
	return mta->version;
}

uint32_t
mta_actions(const struct mta *mta)
{
	return mta->actions;
}

uint32_t
mta_steps(const struct mta *mta)
{
	return mta->steps;
}

const char *
mta_macros_wanted(const struct mta *mta, enum mta_stage stage)
{
	return mta->wanted[stage];
}

/* string_add - appends a NUL-terminated string to a growing buffer */
static bool
string_add(char **buffer, size_t *used, const char *string)
{
	size_t size = strlen(string) + 1;
	char *larger = realloc(*buffer, *used + size);

	if (larger == NULL)
		return false;
	memcpy(larger + *used, string, size);
	*buffer = larger;
	*used += size;
	return true;
}

/* name_listed - says whether a list of names, separated by spaces or commas, has one */
static bool
name_listed(const char *list, const char *name)
{
	size_t length = strlen(name);
	const char *at = list;

	while (*at != '\0') {
		size_t word = strcspn(at, " ,");

		if (word == length && strncmp(at, name, length) == 0)
			return true;
		at += word;
		at += strspn(at, " ,");
	}
	return false;
}

/* macros_send - sends the pairs whose name is in `list` (NULL: all) for `command` */
static bool
macros_send(struct mta *mta, char command, const char *list, const char *const *pairs)
{
	char *packet = NULL;
	size_t used = 0;
	bool sent = true;
	const char name[2] = {command, '\0'};

	sent = string_add(&packet, &used, name);
	used--; /* the command is a byte, not a string */
	for (; sent && pairs[0] != NULL; pairs += 2) {
		if (pairs[1] == NULL || (list != NULL && !name_listed(list, pairs[0])))
			continue;
		sent = string_add(&packet, &used, pairs[0]) &&
		    string_add(&packet, &used, pairs[1]);
	}
	sent = sent && mta_packet(mta, 'D', packet, used);
	free(packet);
	return sent;
}

bool
mta_macros(struct mta *mta, char command, const char *const *pairs)
{
	return macros_send(mta, command, NULL, pairs);
}

bool
mta_stage_macros(struct mta *mta, enum mta_stage stage, const char *const *pairs)
{
	static const struct {
		char command;
		const char *usual; /* Postfix's own lists */
	} stages[MTA_STAGES] = {
	    [MTA_AT_CONNECT] = {'C', "j {daemon_name} {daemon_addr} v _"},
	    [MTA_AT_HELO] = {'H', "{tls_version} {cipher}"},
	    [MTA_AT_MAIL] = {'M',
		"i {auth_type} {auth_authen} {auth_author} {mail_addr}"},
	    [MTA_AT_RCPT] = {'R', "i {rcpt_addr}"},
	    [MTA_AT_DATA] = {'T', "i"},
	    [MTA_AT_EOM] = {'E', "i"},
	    [MTA_AT_EOH] = {'N', "i"},
	};
	const char *list = mta->wanted[stage];

	return macros_send(mta, stages[stage].command,
	    list != NULL ? list : stages[stage].usual, pairs);
}

/* step_take - sends a step's packet and reads the reply, unless it was declined */
static struct mta_reply
step_take(struct mta *mta, uint32_t step, char command, const char *data, size_t size)
{
	struct mta_reply none = {.kind = MTA_CONTINUE};

	if ((mta->steps & step) != 0)
		return none;
	if (!mta_packet(mta, command, data, size)) {
		none.kind = MTA_CLOSED;
		return none;
	}
	return mta_read(mta);
}

struct mta_reply
mta_connect(struct mta *mta, const char *host, const char *address)
{
	char data[1024];
	const uint16_t port = htons(PORT_IN_USE);
	size_t used = (size_t)snprintf(data, sizeof(data) / 2, "%s", host) + 1;

	data[used++] = strchr(address, ':') != NULL ? '6' : '4';
	memcpy(data + used, &port, sizeof(port));
	used += sizeof(port);
	used += (size_t)snprintf(data + used, 256, "%s", address) + 1;
	return step_take(mta, MTA_NOCONNECT, 'C', data, used);
}

struct mta_reply
mta_helo(struct mta *mta, const char *name)
{
	return step_take(mta, MTA_NOHELO, 'H', name, strlen(name) + 1);
}

struct mta_reply
mta_mail(struct mta *mta, const char *sender)
{
	return step_take(mta, MTA_NOMAIL, 'M', sender, strlen(sender) + 1);
}

struct mta_reply
mta_rcpt(struct mta *mta, const char *recipient)
{
	return step_take(mta, MTA_NORCPT, 'R', recipient, strlen(recipient) + 1);
}

struct mta_reply
mta_data(struct mta *mta)
{
	return step_take(mta, MTA_NODATA, 'T', "", 0);
}

bool
mta_abort(struct mta *mta)
{
	return mta_packet(mta, 'A', "", 0);
}

bool
mta_quit(struct mta *mta)
{
	return mta_packet(mta, 'Q', "", 0);
}

bool
mta_quit_nc(struct mta *mta)
{
	return mta_packet(mta, 'K', "", 0);
}

const char *
mta_kind_name(enum mta_kind kind)
{
	static const char *const names[] = {"continue", "accept", "reject", "tempfail",
	    "reply", "another packet", "closed", "silence"};

	return names[kind];
}
