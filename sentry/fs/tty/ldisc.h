/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ldisc: the line discipline of pseudo terminals, termios(3): what N_TTY of
 * Linux does between what the master writes and the slave reads, and back.
 *
 * Pure: no locks, no waiting, no signals; a call says in *fx what is to be done
 * when the caller has dropped its lock.
 *
 * Invariant: tail <= canon_head <= head in canonical mode, head - tail <=
 *            LDISC_BUF; a set eol bit ends a line at that position.
 * Tests: tests/unit/test_ldisc.c
 */
#ifndef SENTRY_FS_TTY_LDISC_H
#define SENTRY_FS_TTY_LDISC_H

#include "abi/termios.h"
#include "sentry/lib/compiler.h"

#define LDISC_BUF     4096u /* input; a power of two */
#define LDISC_OUT     8192u /* output, a power of two */
#define LDISC_ARRIVED 4095u /* of it: in the master's buffer on Linux */
/* Output that only echoes may use. */
#define LDISC_ECHO_ROOM 1024u

struct ldisc {
	struct linux_termios termios;
	uint32_t head, canon_head, tail; /* input; they never wrap back */
	uint8_t buf[LDISC_BUF];
	uint8_t eol[LDISC_BUF / 8];
	uint32_t out_head, out_tail;
	uint32_t
		out_arrived; /* out_head when typing began: see drop_output() */
	uint8_t out[LDISC_OUT];
	uint32_t column, canon_column; /* of the cursor; where input began */
	bool lnext;   /* the next character is taken as it is */
	bool stopped; /* output is held (^S) */
};

struct ldisc_effects {
	uint64_t signals; /* bit n: signal n for the foreground group */
	bool flushed_input, flushed_output, stopped, started;
};

/* Settings of a new pseudo terminal. */
void ldisc_init(struct ldisc *l);
/* Bytes typed at the master.  Returns how many were taken: fewer than @size if
 * the buffer is full. */
size_t ldisc_input(struct ldisc *l, const uint8_t *p, size_t size,
		   struct ldisc_effects *fx);
/* Bytes a process writes to the slave.  Returns how many were taken. */
size_t ldisc_write(struct ldisc *l, const uint8_t *p, size_t size);
/*
 * For a process that reads the slave: at most one line in canonical mode.
 * Returns bytes (0: end of file typed), or -EAGAIN if nothing is there.
 */
MUST_CHECK long ldisc_read(struct ldisc *l, uint8_t *p, size_t size);
/* Would ldisc_read() give at least @min bytes or a line? */
bool ldisc_readable(const struct ldisc *l, uint32_t min);
/* Output for the master. */
size_t ldisc_take_output(struct ldisc *l, uint8_t *p, size_t size);
uint32_t ldisc_output_size(const struct ldisc *l);
/* Can more be written / typed? */
bool ldisc_can_write(const struct ldisc *l);
bool ldisc_can_input(const struct ldisc *l);
/* Bytes that FIONREAD tells. */
uint32_t ldisc_input_size(const struct ldisc *l);
void ldisc_set_termios(struct ldisc *l, const struct linux_termios *t,
		       struct ldisc_effects *fx);
void ldisc_flush_input(struct ldisc *l);
void ldisc_flush_output(struct ldisc *l);

/* --- between ldisc.c and ldisc_echo.c ------------------------------------ */

static inline bool ldisc_l(const struct ldisc *l, uint32_t flag)
{
	return l->termios.lflag & flag;
}
static inline bool ldisc_i(const struct ldisc *l, uint32_t flag)
{
	return l->termios.iflag & flag;
}
/* Is @c the special character @which (and that is not disabled)? */
static inline bool ldisc_is(const struct ldisc *l, uint8_t c, int which)
{
	return c != 0 && c == l->termios.cc[which];
}
/* A byte of a UTF-8 sequence after the first. */
static inline bool ldisc_continues(const struct ldisc *l, uint8_t c)
{
	return ldisc_i(l, LINUX_IUTF8) && (c & 0xc0) == 0x80;
}
/* Puts one byte through output processing; false: no room. */
bool ldisc_out_char(struct ldisc *l, uint8_t c, uint32_t reserve);
/* Echo as typed: control characters as ^X if ECHOCTL. */
void ldisc_echo(struct ldisc *l, uint8_t c);
/* Echo without that. */
void ldisc_echo_raw(struct ldisc *l, uint8_t c);
/* Echo of an ordinary character; notes where the input began. */
void ldisc_echo_typed(struct ldisc *l, uint8_t c);
/* ERASE, WERASE, KILL. */
void ldisc_erase(struct ldisc *l, uint8_t c);
/* REPRINT. */
void ldisc_reprint(struct ldisc *l, uint8_t c);

#endif
