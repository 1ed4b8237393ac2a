/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ldisc: the line discipline against the host's own pseudo terminals:
 * each row's settings and input go to both, and what the slave reads (read by
 * read) and the master sees must be the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/tty.h"
#include "sentry/fs/tty/ldisc.h"

/* What came out of one terminal. */
struct seen {
	char slave[16384]; /* each read as "[bytes]" */
	size_t slave_len;
	char master[16384];
	size_t master_len;
};

struct row {
	const char *name;
	uint32_t iset, iclear, oset, oclear, lset, lclear;
	int min, time;	    /* -1: unchanged */
	const char *input;  /* typed at the master */
	size_t size;	    /* 0: strlen */
	const char *output; /* written by the slave before, or NULL */
	size_t read_size;   /* 0: 100 */
};

static void change(struct linux_termios *t, const struct row *r)
{
	t->iflag = (t->iflag | r->iset) & ~r->iclear;
	t->oflag = (t->oflag | r->oset) & ~r->oclear;
	t->lflag = (t->lflag | r->lset) & ~r->lclear;
	if (r->min >= 0)
		t->cc[LINUX_VMIN] = (uint8_t)r->min;
	if (r->time >= 0)
		t->cc[LINUX_VTIME] = (uint8_t)r->time;
}

static size_t input_size(const struct row *r)
{
	return r->size ? r->size : strlen(r->input);
}

static void note_read(struct seen *s, const void *p, size_t n)
{
	s->slave[s->slave_len++] = '[';
	memcpy(s->slave + s->slave_len, p, n);
	s->slave_len += n;
	s->slave[s->slave_len++] = ']';
}

static void run_ours(const struct row *r, struct seen *s)
{
	static struct ldisc l;
	struct ldisc_effects fx = { 0 };
	struct linux_termios t;
	uint8_t buf[8192];
	size_t size = r->read_size ? r->read_size : 100;
	long n;

	ldisc_init(&l);
	t = l.termios;
	change(&t, r);
	ldisc_set_termios(&l, &t, &fx);
	if (r->output)
		assert_int_equal(ldisc_write(&l, (const uint8_t *)r->output,
					     strlen(r->output)),
				 strlen(r->output));
	assert_int_equal(
		ldisc_input(&l, (const uint8_t *)r->input, input_size(r), &fx),
		input_size(r));
	while ((n = ldisc_read(&l, buf, size)) >= 0)
		note_read(s, buf, (size_t)n);
	assert_int_equal(n, -EAGAIN);
	s->master_len =
		ldisc_take_output(&l, (uint8_t *)s->master, sizeof(s->master));
}

/* Reads what comes within a short while of silence. */
static void drain(int fd, char *buf, size_t *len, size_t max)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (*len < max && poll(&p, 1, 30) > 0 && p.revents & POLLIN) {
		ssize_t n = read(fd, buf + *len, max - *len);

		if (n <= 0)
			break;
		*len += (size_t)n;
	}
}

static void run_host(const struct row *r, struct seen *s)
{
	struct linux_termios t;
	char buf[8192];
	size_t size = r->read_size ? r->read_size : 100;
	int master, slave;
	ssize_t n;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		skip();
	assert_int_equal(ioctl(slave, LINUX_TCGETS, &t), 0);
	change(&t, r);
	assert_int_equal(ioctl(slave, LINUX_TCSETS, &t), 0);
	if (r->output)
		assert_int_equal(write(slave, r->output, strlen(r->output)),
				 (ssize_t)strlen(r->output));
	assert_int_equal(write(master, r->input, input_size(r)),
			 (ssize_t)input_size(r));
	drain(master, s->master, &s->master_len, sizeof(s->master));
	fcntl(slave, F_SETFL, O_NONBLOCK);
	while ((n = read(slave, buf, size)) >= 0) {
		/* VMIN 0 gives 0 where there is nothing. */
		if (n == 0 && !(t.lflag & LINUX_ICANON))
			break;
		note_read(s, buf, (size_t)n);
	}
	close(slave);
	close(master);
}

#define RAWL (LINUX_ICANON | LINUX_ECHO | LINUX_ISIG | LINUX_IEXTEN)
#define KEEP .min = -1, .time = -1

static const struct row rows[] = {
	{ .name = "a line", KEEP, .input = "hello\n" },
	{ .name = "cr becomes nl", KEEP, .input = "a\rb\r" },
	{ .name = "no line yet", KEEP, .input = "abc" },
	{ .name = "two lines", KEEP, .input = "one\ntwo\nthr" },
	{ .name = "erase", KEEP, .input = "abc\177\177x\n" },
	{ .name = "erase at start", KEEP, .input = "\177\177a\n" },
	{ .name = "erase control", KEEP, .input = "a\001\002\177b\n" },
	{ .name = "kill", KEEP, .input = "abc def\025ghi\n" },
	{ .name = "kill no echoke",
	  .lclear = LINUX_ECHOKE,
	  KEEP,
	  .input = "abc\025x\n" },
	{ .name = "kill no echo",
	  .lclear = LINUX_ECHO,
	  KEEP,
	  .input = "abc\025x\n" },
	{ .name = "kill bare",
	  .lclear = LINUX_ECHOKE | LINUX_ECHOK,
	  KEEP,
	  .input = "abc\025x\n" },
	{ .name = "werase", KEEP, .input = "foo bar-baz\027x\n" },
	{ .name = "werase twice", KEEP, .input = "foo bar  \027\027x\n" },
	{ .name = "werase noext",
	  .lclear = LINUX_IEXTEN,
	  KEEP,
	  .input = "foo bar\027x\n" },
	{ .name = "no echoe",
	  .lclear = LINUX_ECHOE,
	  KEEP,
	  .input = "ab\177c\n" },
	{ .name = "tab erased", KEEP, .input = "ab\t\177x\n" },
	{ .name = "tab erased after output",
	  KEEP,
	  .output = "prompt> ",
	  .input = "ab\t\177x\n" },
	{ .name = "two tabs erased", KEEP, .input = "a\tb\t\177\177\177c\n" },
	{ .name = "tab after control", KEEP, .input = "\001\t\177c\n" },
	{ .name = "xtabs",
	  .oset = LINUX_XTABS,
	  KEEP,
	  .output = "a\tb\tc\n",
	  .input = "x\ty\n" },
	{ .name = "utf8",
	  .iset = LINUX_IUTF8,
	  KEEP,
	  .input = "a\303\244\177b\n" },
	{ .name = "no utf8",
	  .iclear = LINUX_IUTF8,
	  KEEP,
	  .input = "a\303\244\177b\n" },
	{ .name = "utf8 torn",
	  .iset = LINUX_IUTF8,
	  KEEP,
	  .input = "\244\177b\n" },
	{ .name = "eof empty", KEEP, .input = "\004" },
	{ .name = "eof after text", KEEP, .input = "abc\004" },
	{ .name = "eof then line", KEEP, .input = "abc\004def\n" },
	{ .name = "eof twice", KEEP, .input = "abc\004\004" },
	{ .name = "eof exact read", KEEP, .input = "abc\004", .read_size = 3 },
	{ .name = "short reads", KEEP, .input = "abcdef\n", .read_size = 4 },
	{ .name = "line exact", KEEP, .input = "abc\n", .read_size = 4 },
	{ .name = "lnext", KEEP, .input = "a\026\003b\026\004\n" },
	{ .name = "lnext newline", KEEP, .input = "a\026\nb\n" },
	{ .name = "lnext no echoctl",
	  .lclear = LINUX_ECHOCTL,
	  KEEP,
	  .input = "a\026\003b\n" },
	{ .name = "reprint", KEEP, .input = "ab\001c\022d\n" },
	{ .name = "intr flushes", KEEP, .input = "abc\003def\n" },
	{ .name = "intr noflsh",
	  .lset = LINUX_NOFLSH,
	  KEEP,
	  .input = "abc\003def\n" },
	{ .name = "quit susp", KEEP, .input = "abc\034\032def\n" },
	{ .name = "isig off", .lclear = LINUX_ISIG, KEEP, .input = "a\003b\n" },
	{ .name = "no echo", .lclear = LINUX_ECHO, KEEP, .input = "abc\n" },
	{ .name = "echonl",
	  .lclear = LINUX_ECHO,
	  .lset = LINUX_ECHONL,
	  KEEP,
	  .input = "abc\n" },
	{ .name = "no echoctl",
	  .lclear = LINUX_ECHOCTL,
	  KEEP,
	  .input = "a\001\177\002\n" },
	{ .name = "igncr", .iset = LINUX_IGNCR, KEEP, .input = "a\rb\n" },
	{ .name = "inlcr",
	  .iset = LINUX_INLCR,
	  .iclear = LINUX_ICRNL,
	  KEEP,
	  .input = "a\nb\r" },
	{ .name = "istrip", .iset = LINUX_ISTRIP, KEEP, .input = "\341b\n" },
	{ .name = "iuclc", .iset = LINUX_IUCLC, KEEP, .input = "AbC\n" },
	{ .name = "parmrk", .iset = LINUX_PARMRK, KEEP, .input = "a\377b\n" },
	{ .name = "start stop are eaten", KEEP, .input = "a\023\021b\n" },
	{ .name = "ixon off",
	  .iclear = LINUX_IXON,
	  KEEP,
	  .input = "a\023\021b\n" },
	{ .name = "opost off",
	  .oclear = LINUX_OPOST,
	  KEEP,
	  .output = "x\ny\n",
	  .input = "a\n" },
	{ .name = "onlcr off",
	  .oclear = LINUX_ONLCR,
	  KEEP,
	  .output = "x\ny\n",
	  .input = "a\n" },
	{ .name = "ocrnl",
	  .oset = LINUX_OCRNL,
	  KEEP,
	  .output = "x\ry\n",
	  .input = "a\n" },
	{ .name = "onocr",
	  .oset = LINUX_ONOCR,
	  KEEP,
	  .output = "\rx\ry\n",
	  .input = "a\n" },
	{ .name = "onlret",
	  .oset = LINUX_ONLRET,
	  KEEP,
	  .output = "x\r\ny\t\n",
	  .input = "a\n" },
	{ .name = "olcuc",
	  .oset = LINUX_OLCUC,
	  KEEP,
	  .output = "xYz\n",
	  .input = "a\n" },
	{ .name = "output controls",
	  KEEP,
	  .output = "a\b\001\033[1mz\n",
	  .input = "a\n" },
	{ .name = "raw",
	  .iclear = LINUX_ICRNL | LINUX_IXON,
	  .oclear = LINUX_OPOST,
	  .lclear = RAWL,
	  .min = 1,
	  .time = 0,
	  .input = "ab\003\004\r\n\023\177\0z",
	  .size = 10 },
	{ .name = "raw pieces",
	  .lclear = RAWL,
	  .min = 1,
	  .time = 0,
	  .input = "abcdefg",
	  .read_size = 3 },
	{ .name = "cbreak echo",
	  .lclear = LINUX_ICANON,
	  .min = 1,
	  .time = 0,
	  .input = "ab\177\001\n" },
	{ .name = "nul bytes", KEEP, .input = "a\0b\n", .size = 4 },
	{ .name = "only nul", KEEP, .input = "\0\n", .size = 2 },
};

static void same_as_host(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct seen ours, host;

		memset(&ours, 0, sizeof(ours));
		memset(&host, 0, sizeof(host));
		run_host(&rows[i], &host);
		run_ours(&rows[i], &ours);
		if (ours.slave_len != host.slave_len ||
		    memcmp(ours.slave, host.slave, host.slave_len) != 0 ||
		    ours.master_len != host.master_len ||
		    memcmp(ours.master, host.master, host.master_len) != 0) {
			print_error("row %s differs\n host slave  %s\n"
				    " ours slave  %s\n host master %s\n"
				    " ours master %s\n",
				    rows[i].name, host.slave, ours.slave,
				    host.master, ours.master);
			fail();
		}
	}
}

/* A line longer than the buffer keeps its first 4095 bytes and can be ended. */
static void long_line(void **state)
{
	static struct row r = { .name = "long", KEEP, .read_size = 8000 };
	static struct seen ours, host;
	static char text[5002];

	(void)state;
	memset(text, 'x', 5000);
	text[5000] = '\n';
	r.lclear = LINUX_ECHO;
	r.input = text;
	memset(&ours, 0, sizeof(ours));
	memset(&host, 0, sizeof(host));
	run_host(&r, &host);
	run_ours(&r, &ours);
	assert_int_equal(ours.slave_len, host.slave_len);
	assert_memory_equal(ours.slave, host.slave, host.slave_len);
}

static void signals_are_told(void **state)
{
	static struct ldisc l;
	struct ldisc_effects fx = { 0 };

	(void)state;
	ldisc_init(&l);
	ldisc_input(&l, (const uint8_t *)"a\003\034\032", 4, &fx);
	assert_int_equal(fx.signals,
			 1ull << SIGINT | 1ull << SIGQUIT | 1ull << SIGTSTP);
	assert_true(fx.flushed_input && fx.flushed_output);
}

/* A full buffer takes no more in raw mode, and the rest after a read. */
static void full_buffer(void **state)
{
	static struct ldisc l;
	struct ldisc_effects fx = { 0 };
	struct linux_termios t;
	static uint8_t in[6000], out[6000];

	(void)state;
	ldisc_init(&l);
	t = l.termios;
	t.lflag &= ~RAWL;
	ldisc_set_termios(&l, &t, &fx);
	assert_int_equal(ldisc_input(&l, in, sizeof(in), &fx), 4095);
	assert_false(ldisc_can_input(&l));
	assert_int_equal(ldisc_input(&l, in, 1, &fx), 0);
	assert_int_equal(ldisc_read(&l, out, 1000), 1000);
	assert_int_equal(ldisc_input(&l, in, sizeof(in), &fx), 1000);
	assert_int_equal(ldisc_input_size(&l), 4095);
}

/* ^S holds what processes write; ^Q lets it go. */
static void flow_control(void **state)
{
	static struct ldisc l;
	struct ldisc_effects fx = { 0 };

	(void)state;
	ldisc_init(&l);
	ldisc_input(&l, (const uint8_t *)"\023", 1, &fx);
	assert_true(fx.stopped);
	assert_false(ldisc_can_write(&l));
	assert_int_equal(ldisc_write(&l, (const uint8_t *)"x", 1), 0);
	ldisc_input(&l, (const uint8_t *)"\021", 1, &fx);
	assert_true(fx.started);
	assert_int_equal(ldisc_write(&l, (const uint8_t *)"x", 1), 1);
}

/* Leaving raw mode makes a line of what was typed. */
static void mode_change(void **state)
{
	static struct ldisc l;
	struct ldisc_effects fx = { 0 };
	struct linux_termios canon, raw;
	uint8_t buf[16];

	(void)state;
	ldisc_init(&l);
	canon = raw = l.termios;
	raw.lflag &= ~LINUX_ICANON;
	ldisc_set_termios(&l, &raw, &fx);
	ldisc_input(&l, (const uint8_t *)"abc", 3, &fx);
	ldisc_set_termios(&l, &canon, &fx);
	assert_int_equal(ldisc_read(&l, buf, sizeof(buf)), 3);
	assert_int_equal(ldisc_read(&l, buf, sizeof(buf)), -EAGAIN);
	ldisc_input(&l, (const uint8_t *)"d\ne", 3, &fx);
	assert_int_equal(ldisc_input_size(&l), 2);
	ldisc_set_termios(&l, &raw, &fx);
	assert_int_equal(ldisc_read(&l, buf, sizeof(buf)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_host),
		cmocka_unit_test(long_line),
		cmocka_unit_test(signals_are_told),
		cmocka_unit_test(full_buffer),
		cmocka_unit_test(flow_control),
		cmocka_unit_test(mode_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
