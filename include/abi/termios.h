/* SPDX-License-Identifier: Apache-2.0 */
/*
 * termios: terminal settings as the x86-64 guest sees them, asm-generic/
 * termbits.h, and window sizes.
 */
#ifndef ABI_TERMIOS_H
#define ABI_TERMIOS_H

#include <assert.h>
#include <stdint.h>

#define LINUX_NCCS 19

struct linux_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[LINUX_NCCS];
};
static_assert(sizeof(struct linux_termios) == 36, "struct termios");

struct linux_termios2 {
	struct linux_termios t;
	uint32_t ispeed, ospeed;
};
static_assert(sizeof(struct linux_termios2) == 44, "struct termios2");

/* The System V form of TCGETA. */
struct linux_termio {
	uint16_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[8], pad;
};
static_assert(sizeof(struct linux_termio) == 18, "struct termio");

struct linux_winsize {
	uint16_t row, col, xpixel, ypixel;
};
static_assert(sizeof(struct linux_winsize) == 8, "struct winsize");

enum {
	LINUX_VINTR,
	LINUX_VQUIT,
	LINUX_VERASE,
	LINUX_VKILL,
	LINUX_VEOF,
	LINUX_VTIME,
	LINUX_VMIN,
	LINUX_VSWTC,
	LINUX_VSTART,
	LINUX_VSTOP,
	LINUX_VSUSP,
	LINUX_VEOL,
	LINUX_VREPRINT,
	LINUX_VDISCARD,
	LINUX_VWERASE,
	LINUX_VLNEXT,
	LINUX_VEOL2
};

/* iflag */
#define LINUX_IGNBRK  0000001u
#define LINUX_BRKINT  0000002u
#define LINUX_PARMRK  0000010u
#define LINUX_ISTRIP  0000040u
#define LINUX_INLCR   0000100u
#define LINUX_IGNCR   0000200u
#define LINUX_ICRNL   0000400u
#define LINUX_IUCLC   0001000u
#define LINUX_IXON    0002000u
#define LINUX_IXANY   0004000u
#define LINUX_IXOFF   0010000u
#define LINUX_IMAXBEL 0020000u
#define LINUX_IUTF8   0040000u
/* oflag */
#define LINUX_OPOST  0000001u
#define LINUX_OLCUC  0000002u
#define LINUX_ONLCR  0000004u
#define LINUX_OCRNL  0000010u
#define LINUX_ONOCR  0000020u
#define LINUX_ONLRET 0000040u
#define LINUX_TABDLY 0014000u
#define LINUX_XTABS  0014000u
/* cflag */
#define LINUX_CLOCAL 0004000u
#define LINUX_CBAUD  0010017u
#define LINUX_B38400 0000017u
#define LINUX_CSIZE  0000060u
#define LINUX_CS8    0000060u
#define LINUX_CREAD  0000200u
#define LINUX_PARENB 0000400u
#define LINUX_HUPCL  0002000u
#define LINUX_BOTHER 0010000u
#define LINUX_CIBAUD 002003600000u
/* lflag */
#define LINUX_ISIG    0000001u
#define LINUX_ICANON  0000002u
#define LINUX_XCASE   0000004u
#define LINUX_ECHO    0000010u
#define LINUX_ECHOE   0000020u
#define LINUX_ECHOK   0000040u
#define LINUX_ECHONL  0000100u
#define LINUX_NOFLSH  0000200u
#define LINUX_TOSTOP  0000400u
#define LINUX_ECHOCTL 0001000u
#define LINUX_ECHOPRT 0002000u
#define LINUX_ECHOKE  0004000u
#define LINUX_IEXTEN  0100000u
#define LINUX_EXTPROC 0200000u

#endif
