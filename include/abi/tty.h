/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty: ioctl commands of terminals, asm-generic/ioctls.h.
 */
#ifndef ABI_TTY_H
#define ABI_TTY_H

#define LINUX_TCGETS	     0x5401u
#define LINUX_TCSETS	     0x5402u
#define LINUX_TCSETSW	     0x5403u
#define LINUX_TCSETSF	     0x5404u
#define LINUX_TCGETA	     0x5405u
#define LINUX_TCSETA	     0x5406u
#define LINUX_TCSETAW	     0x5407u
#define LINUX_TCSETAF	     0x5408u
#define LINUX_TCSBRK	     0x5409u
#define LINUX_TCXONC	     0x540au
#define LINUX_TCFLSH	     0x540bu
#define LINUX_TIOCEXCL	     0x540cu
#define LINUX_TIOCNXCL	     0x540du
#define LINUX_TIOCSCTTY	     0x540eu
#define LINUX_TIOCGPGRP	     0x540fu
#define LINUX_TIOCSPGRP	     0x5410u
#define LINUX_TIOCOUTQ	     0x5411u
#define LINUX_TIOCSTI	     0x5412u
#define LINUX_TIOCGWINSZ     0x5413u
#define LINUX_TIOCSWINSZ     0x5414u
#define LINUX_TIOCGSOFTCAR   0x5419u
#define LINUX_TIOCSSOFTCAR   0x541au
#define LINUX_TIOCINQ	     0x541bu
#define LINUX_TIOCPKT	     0x5420u
#define LINUX_TIOCNOTTY	     0x5422u
#define LINUX_TIOCSETD	     0x5423u
#define LINUX_TIOCGETD	     0x5424u
#define LINUX_TCSBRKP	     0x5425u
#define LINUX_TIOCSBRK	     0x5427u
#define LINUX_TIOCCBRK	     0x5428u
#define LINUX_TIOCGSID	     0x5429u
#define LINUX_TCGETS2	     0x802c542au
#define LINUX_TCSETS2	     0x402c542bu
#define LINUX_TCSETSW2	     0x402c542cu
#define LINUX_TCSETSF2	     0x402c542du
#define LINUX_TIOCGPTN	     0x80045430u
#define LINUX_TIOCSPTLCK     0x40045431u
#define LINUX_TIOCGDEV	     0x80045432u
#define LINUX_TIOCSIG	     0x40045436u
#define LINUX_TIOCGPKT	     0x80045438u
#define LINUX_TIOCGPTLCK     0x80045439u
#define LINUX_TIOCGEXCL	     0x80045440u
#define LINUX_TIOCGPTPEER    0x5441u
#define LINUX_TIOCGLCKTRMIOS 0x5456u
#define LINUX_TIOCSLCKTRMIOS 0x5457u

/* Arguments of TCFLSH and TCXONC. */
enum { LINUX_TCIFLUSH = 0, LINUX_TCOFLUSH = 1, LINUX_TCIOFLUSH = 2 };
enum { LINUX_TCOOFF = 0, LINUX_TCOON = 1, LINUX_TCIOFF = 2, LINUX_TCION = 3 };

/* Status byte of packet mode. */
enum {
	LINUX_TIOCPKT_DATA = 0,
	LINUX_TIOCPKT_FLUSHREAD = 1,
	LINUX_TIOCPKT_FLUSHWRITE = 2,
	LINUX_TIOCPKT_STOP = 4,
	LINUX_TIOCPKT_START = 8,
	LINUX_TIOCPKT_NOSTOP = 16,
	LINUX_TIOCPKT_DOSTOP = 32,
	LINUX_TIOCPKT_IOCTL = 64
};

/* /dev/random */
#define LINUX_RNDGETENTCNT 0x80045200u

#endif
