/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ldisc: input and reading of the line discipline; see ldisc.h.
 *
 * Linux: drivers/tty/n_tty.c of 6.18, without ECHOPRT, IXOFF and parity.
 * Locks: none (ldisc.h).
 * Tests: tests/unit/test_ldisc.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/signal.h"
#include "sentry/fs/tty/ldisc.h"

void ldisc_init(struct ldisc *l)
{
	static const uint8_t cc[LINUX_NCCS] = {
		[LINUX_VINTR] = 3,     [LINUX_VQUIT] = 28,
		[LINUX_VERASE] = 127,  [LINUX_VKILL] = 21,
		[LINUX_VEOF] = 4,      [LINUX_VMIN] = 1,
		[LINUX_VSTART] = 17,   [LINUX_VSTOP] = 19,
		[LINUX_VSUSP] = 26,    [LINUX_VREPRINT] = 18,
		[LINUX_VDISCARD] = 15, [LINUX_VWERASE] = 23,
		[LINUX_VLNEXT] = 22,
	};

	memset(l, 0, sizeof(*l));
	l->termios.iflag = LINUX_ICRNL | LINUX_IXON;
	l->termios.oflag = LINUX_OPOST | LINUX_ONLCR;
	l->termios.cflag = LINUX_B38400 | LINUX_CS8 | LINUX_CREAD;
	l->termios.lflag = LINUX_ISIG | LINUX_ICANON | LINUX_ECHO |
			   LINUX_ECHOE | LINUX_ECHOK | LINUX_ECHOCTL |
			   LINUX_ECHOKE | LINUX_IEXTEN;
	memcpy(l->termios.cc, cc, sizeof(cc));
}

/* --- the input buffer ---------------------------------------------------- */

static bool eol_test(const struct ldisc *l, uint32_t at)
{
	at %= LDISC_BUF;
	return l->eol[at / 8] >> at % 8 & 1;
}

static void eol_set(struct ldisc *l, uint32_t at, bool on)
{
	uint8_t bit;

	at %= LDISC_BUF;
	bit = (uint8_t)(1u << at % 8);
	l->eol[at / 8] = on ? l->eol[at / 8] | bit : l->eol[at / 8] & ~bit;
}

static void put(struct ldisc *l, uint8_t c)
{
	assert(l->head - l->tail < LDISC_BUF);
	l->buf[l->head++ % LDISC_BUF] = c;
}

/* PARMRK marks a byte of 255 by doubling it. */
static void put_marked(struct ldisc *l, uint8_t c)
{
	if (c == 0377 && ldisc_i(l, LINUX_PARMRK))
		put(l, c);
	put(l, c);
}

/* The line is complete, with @c as its last character. */
static void put_eol(struct ldisc *l, uint8_t c)
{
	eol_set(l, l->head, true);
	put(l, c);
	l->canon_head = l->head;
}

static bool canonical(const struct ldisc *l)
{
	return ldisc_l(l, LINUX_ICANON);
}

/* Is a line being typed that fills the whole buffer?  Then further characters
 * replace its last one, so that it can still be ended. */
static bool overflowing(const struct ldisc *l)
{
	return canonical(l) && l->canon_head == l->tail;
}

static uint32_t need(const struct ldisc *l)
{
	return ldisc_i(l, LINUX_PARMRK) ? 3 : 1;
}

bool ldisc_can_input(const struct ldisc *l)
{
	return LDISC_BUF - (l->head - l->tail) > need(l) || overflowing(l);
}

void ldisc_flush_input(struct ldisc *l)
{
	l->head = l->canon_head = l->tail = 0;
	memset(l->eol, 0, sizeof(l->eol));
	l->lnext = false;
}

/* What has reached the master's own buffer stays, as on Linux: all from before
 * the bytes that are typed now, as far as they fit there. */
static void drop_output(struct ldisc *l)
{
	l->out_head =
		l->out_tail + MIN(l->out_arrived - l->out_tail, LDISC_ARRIVED);
}

void ldisc_flush_output(struct ldisc *l)
{
	l->out_arrived = l->out_head;
	drop_output(l);
}

/* --- typing -------------------------------------------------------------- */

static void start_output(struct ldisc *l, struct ldisc_effects *fx)
{
	if (!l->stopped)
		return;
	l->stopped = false;
	fx->started = true;
}

static bool flow_char(struct ldisc *l, uint8_t c, struct ldisc_effects *fx)
{
	if (ldisc_is(l, c, LINUX_VSTART)) {
		start_output(l, fx);
		return true;
	}
	if (!ldisc_is(l, c, LINUX_VSTOP))
		return false;
	if (!l->stopped)
		fx->stopped = true;
	l->stopped = true;
	return true;
}

static bool signal_char(struct ldisc *l, uint8_t c, struct ldisc_effects *fx)
{
	int signo = 0;

	if (ldisc_is(l, c, LINUX_VINTR))
		signo = LINUX_SIGINT;
	else if (ldisc_is(l, c, LINUX_VQUIT))
		signo = LINUX_SIGQUIT;
	else if (ldisc_is(l, c, LINUX_VSUSP))
		signo = LINUX_SIGTSTP;
	if (!signo)
		return false;
	fx->signals |= 1ull << signo;
	if (!ldisc_l(l, LINUX_NOFLSH)) {
		ldisc_flush_input(l);
		drop_output(l);
		fx->flushed_input = fx->flushed_output = true;
	}
	if (ldisc_i(l, LINUX_IXON))
		start_output(l, fx);
	if (ldisc_l(l, LINUX_ECHO))
		ldisc_echo(l, c);
	return true;
}

static bool edit_char(struct ldisc *l, uint8_t c)
{
	bool ext = ldisc_l(l, LINUX_IEXTEN);

	if (ldisc_is(l, c, LINUX_VERASE) || ldisc_is(l, c, LINUX_VKILL) ||
	    (ext && ldisc_is(l, c, LINUX_VWERASE))) {
		ldisc_erase(l, c);
		return true;
	}
	if (ext && ldisc_is(l, c, LINUX_VLNEXT)) {
		l->lnext = true;
		if (ldisc_l(l, LINUX_ECHO) && ldisc_l(l, LINUX_ECHOCTL)) {
			ldisc_echo_raw(l, '^');
			ldisc_echo_raw(l, '\b');
		}
		return true;
	}
	if (ext && ldisc_l(l, LINUX_ECHO) && ldisc_is(l, c, LINUX_VREPRINT)) {
		ldisc_reprint(l, c);
		return true;
	}
	return false;
}

/* Characters with a meaning in canonical mode: true if that was one. */
static bool canon_char(struct ldisc *l, uint8_t c)
{
	if (edit_char(l, c))
		return true;
	if (c == '\n') {
		if (ldisc_l(l, LINUX_ECHO) || ldisc_l(l, LINUX_ECHONL))
			ldisc_echo_raw(l, '\n');
		put_eol(l, c);
		return true;
	}
	if (ldisc_is(l, c, LINUX_VEOF)) {
		put_eol(l, 0); /* 0 that ends a line: not given to readers */
		return true;
	}
	if (ldisc_is(l, c, LINUX_VEOL) ||
	    (ldisc_l(l, LINUX_IEXTEN) && ldisc_is(l, c, LINUX_VEOL2))) {
		if (ldisc_l(l, LINUX_ECHO))
			ldisc_echo_typed(l, c);
		if (c == 0377 && ldisc_i(l, LINUX_PARMRK))
			put(l, c);
		put_eol(l, c);
		return true;
	}
	return false;
}

/* @made: a newline that was typed as a return; without canonical mode one that
 * was typed as such is shown as ^J. */
static void plain_char(struct ldisc *l, uint8_t c, bool made)
{
	if (ldisc_l(l, LINUX_ECHO)) {
		if (made)
			ldisc_echo_raw(l, c);
		else
			ldisc_echo_typed(l, c);
	}
	put_marked(l, c);
}

static void one_char(struct ldisc *l, uint8_t c, struct ldisc_effects *fx)
{
	bool made = false;

	if (ldisc_i(l, LINUX_ISTRIP))
		c &= 0x7f;
	if (ldisc_i(l, LINUX_IUCLC) && ldisc_l(l, LINUX_IEXTEN) && c >= 'A' &&
	    c <= 'Z')
		c = (uint8_t)(c + 32);
	if (ldisc_l(l, LINUX_EXTPROC)) {
		put(l, c);
		return;
	}
	if (l->lnext) { /* even a newline is shown as ^J */
		l->lnext = false;
		plain_char(l, c, false);
		return;
	}
	if (ldisc_i(l, LINUX_IXON) && flow_char(l, c, fx))
		return;
	if (ldisc_l(l, LINUX_ISIG) && signal_char(l, c, fx))
		return;
	if (ldisc_i(l, LINUX_IXON) && ldisc_i(l, LINUX_IXANY))
		start_output(l, fx);
	if (c == '\r') {
		if (ldisc_i(l, LINUX_IGNCR))
			return;
		made = ldisc_i(l, LINUX_ICRNL);
		if (made)
			c = '\n';
	} else if (c == '\n' && ldisc_i(l, LINUX_INLCR)) {
		c = '\r';
	}
	if (canonical(l) && canon_char(l, c))
		return;
	plain_char(l, c, made);
}

size_t ldisc_input(struct ldisc *l, const uint8_t *p, size_t size,
		   struct ldisc_effects *fx)
{
	size_t i;

	l->out_arrived = l->out_head;

	for (i = 0; i < size; i++) {
		uint32_t room = LDISC_BUF - (l->head - l->tail);

		if (room <= need(l)) {
			if (!overflowing(l))
				break;
			while (room < need(l)) {
				l->head--;
				room++;
			}
		}
		one_char(l, p[i], fx);
	}
	return i;
}

/* --- writing and reading ------------------------------------------------- */

bool ldisc_can_write(const struct ldisc *l)
{
	return !l->stopped &&
	       ldisc_output_size(l) + LDISC_ECHO_ROOM + 8 <= LDISC_OUT;
}

size_t ldisc_write(struct ldisc *l, const uint8_t *p, size_t size)
{
	size_t i = 0;

	if (l->stopped)
		return 0;
	while (i < size && ldisc_out_char(l, p[i], LDISC_ECHO_ROOM))
		i++;
	return i;
}

uint32_t ldisc_output_size(const struct ldisc *l)
{
	return l->out_head - l->out_tail;
}

size_t ldisc_take_output(struct ldisc *l, uint8_t *p, size_t size)
{
	size_t n = 0;

	while (n < size && l->out_tail != l->out_head)
		p[n++] = l->out[l->out_tail++ % LDISC_OUT];
	return n;
}

static bool by_line(const struct ldisc *l)
{
	return canonical(l) && !ldisc_l(l, LINUX_EXTPROC);
}

bool ldisc_readable(const struct ldisc *l, uint32_t min)
{
	if (by_line(l))
		return l->canon_head != l->tail;
	return l->head - l->tail >= MAX(min, 1u);
}

/* An end-of-file mark right behind a read that just fits belongs to it. */
static void skip_eof(struct ldisc *l)
{
	if (l->tail == l->canon_head || !eol_test(l, l->tail) ||
	    l->buf[l->tail % LDISC_BUF] != 0)
		return;
	eol_set(l, l->tail, false);
	l->tail++;
}

static long read_line(struct ldisc *l, uint8_t *p, size_t size)
{
	size_t n = 0;

	while (n < size && l->tail != l->canon_head) {
		bool eol = eol_test(l, l->tail);
		uint8_t c = l->buf[l->tail % LDISC_BUF];

		eol_set(l, l->tail, false);
		l->tail++;
		if (!eol || c != 0)
			p[n++] = c;
		if (eol)
			return (long)n;
	}
	skip_eof(l);
	return (long)n;
}

long ldisc_read(struct ldisc *l, uint8_t *p, size_t size)
{
	size_t n = 0;

	if (!ldisc_readable(l, 1))
		return -EAGAIN;
	if (by_line(l))
		return read_line(l, p, size);
	while (n < size && l->tail != l->head) {
		eol_set(l, l->tail, false);
		p[n++] = l->buf[l->tail++ % LDISC_BUF];
	}
	l->canon_head = l->tail;
	return (long)n;
}

uint32_t ldisc_input_size(const struct ldisc *l)
{
	uint32_t at, nr;

	if (!by_line(l))
		return l->head - l->tail;
	nr = l->canon_head - l->tail;
	for (at = l->tail; at != l->canon_head; at++)
		if (eol_test(l, at) && l->buf[at % LDISC_BUF] == 0)
			nr--;
	return nr;
}

/* --- settings ------------------------------------------------------------ */

void ldisc_set_termios(struct ldisc *l, const struct linux_termios *t,
		       struct ldisc_effects *fx)
{
	struct linux_termios old = l->termios;

	l->termios = *t;
	l->termios.line = 0;
	l->termios.cflag &= ~(LINUX_CSIZE | LINUX_PARENB);
	l->termios.cflag |= LINUX_CS8 | LINUX_CREAD;
	if ((old.lflag ^ t->lflag) & (LINUX_ICANON | LINUX_EXTPROC)) {
		memset(l->eol, 0, sizeof(l->eol));
		l->lnext = false;
		l->canon_head = l->tail;
		/* What was typed before becomes one line. */
		if (t->lflag & LINUX_ICANON && l->head != l->tail) {
			eol_set(l, l->head - 1, true);
			l->canon_head = l->head;
		}
	}
	if (old.iflag & LINUX_IXON && !(t->iflag & LINUX_IXON))
		start_output(l, fx);
}
