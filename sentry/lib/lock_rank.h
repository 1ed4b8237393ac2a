/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_rank: the order in which one thread may take locks, outermost first.
 * docs/locking.md says what each of them guards.
 */
#ifndef SENTRY_LIB_LOCK_RANK_H
#define SENTRY_LIB_LOCK_RANK_H

enum lock_rank {
	LOCK_RANK_NONE,
	/* Sleeping locks: may be held across gofer calls and host I/O. */
	LOCK_FILE_POS,	  /* position of an open file description */
	LOCK_EPOLL_TREE,  /* nesting of epoll instances; items of each */
	LOCK_TTY,	  /* a terminal's settings and groups */
	LOCK_RENAME,	  /* one rename per file system (across directories) */
	LOCK_INODE_DIR,	  /* entries of a directory; parents before children */
	LOCK_OVL_COPY_UP, /* copy-up of one overlay inode */
	LOCK_INODE,	  /* data, size and attributes of an inode */
	LOCK_GOFER_CHAN,  /* a request slot of the gofer connection */
	LOCK_NOTIFY,	  /* marks of inotify and their queues */
	LOCK_KEY_JOIN,	  /* finding or making a named session keyring */
	/* Short locks: never held across anything that blocks. */
	LOCK_MOUNTS,   /* trees of mounts, of all namespaces */
	LOCK_TASKLIST, /* process tree, PIDs, sessions, process groups */
	LOCK_SIGHAND,  /* signal state of a thread group */
	LOCK_TASK,     /* small fields of one task */
	LOCK_SECCOMP,  /* calls that wait for a seccomp listener */
	LOCK_ITIMER,   /* interval and POSIX timers of a process */
	LOCK_FS_CTX,   /* cwd, root, umask */
	LOCK_FD_TABLE,
	LOCK_FILE, /* flags, owner of an open file description */
	LOCK_PIPE, /* pipes, eventfds, socket pairs: buffer state */
	LOCK_MM,   /* vma tree of an address space; two at fork: parent first */
	LOCK_MAPPINGS,	    /* which address spaces map an inode */
	LOCK_FUTEX_PI,	    /* which task waits for which, by PI locks */
	LOCK_FUTEX,	    /* a futex bucket; two by address */
	LOCK_TMPFS_DATA,    /* extents of a tmpfs file */
	LOCK_IPC,	    /* System V IPC: one kind of one namespace */
	LOCK_DCACHE,	    /* dentry hash and LRU */
	LOCK_PLATFORM_AS,   /* order queue and threads of an address space */
	LOCK_PLATFORM_PHYS, /* memory and processors of a virtual machine */
	LOCK_MEMFILE,	    /* ranges of the memory file */
	LOCK_WAITQ,	  /* waiters of a wait queue; callbacks run under it */
	LOCK_EPOLL_READY, /* ready list, touched from wait queue callbacks */
	LOCK_TIMER,	  /* timer heap */
	LOCK_PLACEMENT,	  /* which task runs on which CPU */
	LOCK_GOFER,	  /* small tables of the gofer client and file system */
	LOCK_KEYS,	  /* keys and keyrings; a leaf */
	LOCK_LOG,
	LOCK_RANK_COUNT
};

#endif
