/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ldisc_echo: output processing, echo and erasing.
 *
 * Linux: without ECHOPRT; an echo for which there is no room is lost.
 * Locks: none (ldisc.h).
 * Tests: tests/unit/test_ldisc.c
 */
#include "sentry/fs/tty/ldisc.h"

/* The character set is ASCII: bytes from 128 on are no control characters
 * here, as with Linux's iscntrl() they print as one column (or none, UTF-8). */
static bool is_control(uint8_t c)
{
	return c < 32 || c == 127;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_' || c >= 0xc0;
}

static uint32_t out_room(const struct ldisc *l, uint32_t reserve)
{
	uint32_t used = l->out_head - l->out_tail + reserve;

	return used < LDISC_OUT ? LDISC_OUT - used : 0;
}

static void out_put(struct ldisc *l, uint8_t c)
{
	l->out[l->out_head++ % LDISC_OUT] = c;
}

static void put_newline(struct ldisc *l)
{
	uint32_t oflag = l->termios.oflag;

	if (oflag & LINUX_ONLRET)
		l->column = 0;
	if (oflag & LINUX_ONLCR) {
		l->column = 0;
		out_put(l, '\r');
	}
	l->canon_column = l->column;
	out_put(l, '\n');
}

static void put_return(struct ldisc *l)
{
	uint32_t oflag = l->termios.oflag;

	if (oflag & LINUX_ONOCR && l->column == 0)
		return;
	if (oflag & LINUX_OCRNL) {
		if (oflag & LINUX_ONLRET)
			l->canon_column = l->column = 0;
		out_put(l, '\n');
		return;
	}
	l->canon_column = l->column = 0;
	out_put(l, '\r');
}

static void put_tab(struct ldisc *l)
{
	uint32_t spaces = 8 - (l->column & 7);

	l->column += spaces;
	if ((l->termios.oflag & LINUX_TABDLY) != LINUX_XTABS) {
		out_put(l, '\t');
		return;
	}
	while (spaces--)
		out_put(l, ' ');
}

bool ldisc_out_char(struct ldisc *l, uint8_t c, uint32_t reserve)
{
	if (out_room(l, reserve) < 8)
		return false;
	if (!(l->termios.oflag & LINUX_OPOST)) {
		out_put(l, c);
		return true;
	}
	switch (c) {
	case '\n':
		put_newline(l);
		return true;
	case '\r':
		put_return(l);
		return true;
	case '\t':
		put_tab(l);
		return true;
	case '\b':
		if (l->column > 0)
			l->column--;
		break;
	default:
		if (is_control(c))
			break;
		if (l->termios.oflag & LINUX_OLCUC && c >= 'a' && c <= 'z')
			c = (uint8_t)(c - 32);
		if (!ldisc_continues(l, c))
			l->column++;
		break;
	}
	out_put(l, c);
	return true;
}

/* --- echo ---------------------------------------------------------------- */

void ldisc_echo_raw(struct ldisc *l, uint8_t c)
{
	(void)ldisc_out_char(l, c, 0);
}

void ldisc_echo(struct ldisc *l, uint8_t c)
{
	if (!ldisc_l(l, LINUX_ECHOCTL) || !is_control(c) || c == '\t') {
		ldisc_echo_raw(l, c);
		return;
	}
	if (out_room(l, 0) < 2)
		return;
	out_put(l, '^');
	out_put(l, c ^ 0100);
	l->column += 2;
}

void ldisc_echo_typed(struct ldisc *l, uint8_t c)
{
	if (l->canon_head == l->head)
		l->canon_column = l->column;
	ldisc_echo(l, c);
}

static void rub_out(struct ldisc *l)
{
	ldisc_echo_raw(l, '\b');
	ldisc_echo_raw(l, ' ');
	ldisc_echo_raw(l, '\b');
}

/* Goes back over a tab that ended before l->head: to where the text before it
 * ends. */
static void rub_out_tab(struct ldisc *l)
{
	uint32_t at = l->head, before = 0, back;
	bool after_tab = false;

	while (at != l->canon_head && !after_tab) {
		uint8_t c = l->buf[--at % LDISC_BUF];

		if (c == '\t')
			after_tab = true;
		else if (is_control(c))
			before += ldisc_l(l, LINUX_ECHOCTL) ? 2 : 0;
		else if (!ldisc_continues(l, c))
			before++;
	}
	if (!after_tab)
		before += l->canon_column;
	for (back = 8 - (before & 7); back > 0; back--)
		ldisc_echo_raw(l, '\b');
}

static void rub_out_char(struct ldisc *l, uint8_t c, bool one)
{
	if (!ldisc_l(l, LINUX_ECHO))
		return;
	if (one && !ldisc_l(l, LINUX_ECHOE)) {
		ldisc_echo(l, l->termios.cc[LINUX_VERASE]);
		return;
	}
	if (c == '\t') {
		rub_out_tab(l);
		return;
	}
	if (is_control(c) && !ldisc_l(l, LINUX_ECHOCTL))
		return;
	if (is_control(c))
		rub_out(l);
	rub_out(l);
}

/* KILL without the means to rub out: the line is given up visibly. */
static bool kill_plainly(struct ldisc *l)
{
	const uint32_t rub = LINUX_ECHOK | LINUX_ECHOKE | LINUX_ECHOE;

	if (!ldisc_l(l, LINUX_ECHO)) {
		l->head = l->canon_head;
		return true;
	}
	if ((l->termios.lflag & rub) == rub)
		return false;
	l->head = l->canon_head;
	ldisc_echo(l, l->termios.cc[LINUX_VKILL]);
	if (ldisc_l(l, LINUX_ECHOK))
		ldisc_echo_raw(l, '\n');
	return true;
}

void ldisc_erase(struct ldisc *l, uint8_t c)
{
	bool one = ldisc_is(l, c, LINUX_VERASE);
	bool word = !one && ldisc_is(l, c, LINUX_VWERASE);
	bool seen_word = false;

	if (l->head == l->canon_head)
		return;
	if (!one && !word && kill_plainly(l))
		return;
	while (l->head != l->canon_head) {
		uint32_t at = l->head;

		do
			c = l->buf[--at % LDISC_BUF];
		while (ldisc_continues(l, c) && at != l->canon_head);
		if (ldisc_continues(l, c))
			break; /* half a character is left where it is */
		if (word && is_word(c))
			seen_word = true;
		else if (word && seen_word)
			break;
		l->head = at;
		rub_out_char(l, c, one);
		if (one)
			break;
	}
}

void ldisc_reprint(struct ldisc *l, uint8_t c)
{
	uint32_t at;

	ldisc_echo(l, c);
	ldisc_echo_raw(l, '\n');
	for (at = l->canon_head; at != l->head; at++)
		ldisc_echo(l, l->buf[at % LDISC_BUF]);
}
