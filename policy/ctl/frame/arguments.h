/* SPDX-License-Identifier: BSD-2-Clause */
/* arguments - words and options of the command line, as values; errors name them */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/model/tenant.h"

/* Word I after the command's name, and the value of an option, NULL if not given. */
const char *argument_word(const struct ctl *c, size_t i);
const char *argument_option(const struct ctl *c, enum option_id id);

/* ERR_USAGE where the command was given none of its options. */
enum error argument_some_option(struct ctl *c) MUST_USE;

/* ERR_DATA, with the line that the value of an option is bad. */
enum error argument_bad(
    struct ctl *c, enum option_id id, const char *expected) MUST_USE;

/* These read the value of an option; OUT stays as it is if the option was not given. */

/* --smtp-auth; INHERIT: whether "inherit" is one of its words. */
enum error argument_smtp_auth(
    struct ctl *c, bool inherit, enum smtp_auth *out) MUST_USE;
/* TIME, or "none", which gives INSTANT_NONE. */
enum error argument_time(
    struct ctl *c, enum option_id id, enum instant_date date, instant *out) MUST_USE;
/* The same; a time in the past is ERR_DATA. */
enum error argument_future_time(
    struct ctl *c, enum option_id id, instant *out) MUST_USE;
/*
 * TIME, or a span that counts back from now, as 7d; a date is the start of its day. A
 * time in the future is ERR_DATA.
 */
enum error argument_past_time(struct ctl *c, enum option_id id, instant *out) MUST_USE;
/* A line of at most MAX bytes into OUT (MAX + 1 bytes); "" clears. */
enum error argument_line(
    struct ctl *c, enum option_id id, size_t max, char *out) MUST_USE;

/*
 * Says on standard error what of TEXT, the own text of a reply that NAME has been set
 * to, will not be seen as it is written.
 */
void argument_warn_reply(struct ctl *c, const char *name, const char *text);

/* The tenant of that name; ERR_NOTFOUND where there is no such tenant. */
enum error argument_tenant(
    struct ctl *c, const char *typed, struct tenant *out_r) MUST_USE;
/*
 * The name of the tenant of --tenant, which exists, in NAME_R (TENANT_NAME_MAX + 1
 * bytes); "" without the option.
 */
enum error argument_tenant_option(struct ctl *c, char *name_r) MUST_USE;
