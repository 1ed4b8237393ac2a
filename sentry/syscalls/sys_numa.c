/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_numa: memory policies of a machine with one node: get_mempolicy(2),
 * set_mempolicy(2), mbind(2), migrate_pages(2), move_pages(2).
 *
 * With one node every legal policy means the same.  A task's policy is kept and
 * told; that of a range is checked and then forgotten.
 * Linux: mm/mempolicy.c of 6.18.
 * Tests: tests/conformance/mempolicy.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task_private.h"
#include "syscalls.h"

enum {
	MPOL_DEFAULT,
	MPOL_PREFERRED,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE,
	MPOL_MAX
};
#define MODE_STATIC    (1 << 15)
#define MODE_RELATIVE  (1 << 14)
#define MODE_BALANCING (1 << 13)
#define MODE_FLAGS     (MODE_STATIC | MODE_RELATIVE | MODE_BALANCING)

enum { GET_NODE = 1, GET_ADDR = 2, GET_ALLOWED = 4 };
enum { MBIND_STRICT = 1, MBIND_MOVE = 2, MBIND_MOVE_ALL = 4 };

#define NODES	  1ull	/* node 0 */
#define MAX_NODES 1024u /* MAX_NUMNODES: mask bits that may be set */

/* --- masks of nodes ------------------------------------------------------- */

/* A guest's mask; *out: its first word.  Bits beyond are only checked. */
static int nodes_in(uaddr_t at, uint64_t maxnode, uint64_t *out)
{
	uint64_t words, word;

	*out = 0;
	maxnode--;
	if (maxnode == 0 || uaddr_is_null(at))
		return 0;
	if (maxnode > PAGE_SIZE * 8)
		return -EINVAL;
	words = (maxnode + 63) / 64;
	for (uint64_t i = 0; i < words; i++) {
		if (copy_in(&word, uaddr_add(at, i * 8), 8) < 0)
			return -EFAULT;
		if (i == words - 1 && maxnode % 64)
			word &= (1ull << maxnode % 64) - 1;
		if (word && i >= MAX_NODES / 64)
			return -EINVAL;
		if (i == 0)
			*out = word;
		else if (word)
			*out |= 1ull << 63; /* some node that is not there */
	}
	return 0;
}

static int nodes_out(uaddr_t at, uint64_t maxnode, uint64_t nodes)
{
	uint64_t bytes = (maxnode - 1 + 63) / 64 * 8, zero = 0;

	if (bytes > PAGE_SIZE)
		return -EINVAL;
	for (uint64_t off = 8; off < bytes; off += 8)
		if (copy_out(uaddr_add(at, off), &zero, 8) < 0)
			return -EFAULT;
	return bytes ? copy_out(at, &nodes, 8) : 0;
}

/* --- policies ------------------------------------------------------------- */

static int check_flags(int mode, int flags)
{
	if (mode < 0 || mode >= MPOL_MAX)
		return -EINVAL;
	if ((flags & MODE_STATIC) && (flags & MODE_RELATIVE))
		return -EINVAL;
	if ((flags & MODE_BALANCING) && mode != MPOL_BIND &&
	    mode != MPOL_PREFERRED_MANY)
		return -EINVAL;
	return 0;
}

/* Mode with flags and nodes as they are kept; -EINVAL. */
static int check_policy(int *mode, uint64_t *nodes)
{
	int flags = *mode & MODE_FLAGS, m = *mode & ~MODE_FLAGS;
	int ret = check_flags(m, flags);

	if (ret < 0)
		return ret;
	if (m == MPOL_DEFAULT) {
		*mode = m;
		return *nodes ? -EINVAL : 0;
	}
	if (m == MPOL_PREFERRED && !*nodes) {
		*mode = MPOL_LOCAL;
		return flags & (MODE_STATIC | MODE_RELATIVE) ? -EINVAL : 0;
	}
	if (m == MPOL_LOCAL)
		return *nodes || (flags & (MODE_STATIC | MODE_RELATIVE))
			       ? -EINVAL
			       : 0;
	/* Relative nodes fold onto those that are there. */
	if (flags & MODE_RELATIVE && *nodes)
		*nodes = NODES;
	*nodes &= NODES;
	return *nodes ? 0 : -EINVAL;
}

long sys_set_mempolicy(struct task *t, int32_t mode, uaddr_t nodemask,
		       uint64_t maxnode)
{
	uint64_t nodes;
	int ret = check_flags(mode & ~MODE_FLAGS, mode & MODE_FLAGS);

	if (ret == 0)
		ret = nodes_in(nodemask, maxnode, &nodes);
	if (ret == 0)
		ret = check_policy(&mode, &nodes);
	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	t->priv->mempolicy.mode = mode;
	t->priv->mempolicy.nodes = nodes;
	mutex_unlock(&t->mu);
	return 0;
}

/* What the flags ask for; *mode may be a node. */
static int lookup_policy(struct task *t, uint64_t addr, uint32_t flags,
			 int32_t *mode, uint64_t *nodes)
{
	uint64_t page = addr & PAGE_MASK;

	*mode = MPOL_DEFAULT;
	*nodes = 0;
	if (flags & GET_ALLOWED) {
		*nodes = NODES;
		return flags & (GET_NODE | GET_ADDR) ? -EINVAL : 0;
	}
	if (flags & GET_ADDR)
		return mm_check_mapped(t->mm, page, page + 1);
	if (addr)
		return -EINVAL;
	*mode = t->priv->mempolicy.mode;
	*nodes = t->priv->mempolicy.nodes;
	if (!(flags & GET_NODE))
		return 0;
	/* The node that an interleaving task will use next. */
	if ((*mode & ~MODE_FLAGS) != MPOL_INTERLEAVE &&
	    (*mode & ~MODE_FLAGS) != MPOL_WEIGHTED_INTERLEAVE)
		return -EINVAL;
	*mode = 0;
	return 0;
}

long sys_get_mempolicy(struct task *t, uaddr_t mode, uaddr_t nodemask,
		       uint64_t maxnode, uaddr_t addr, uint32_t flags)
{
	uint64_t nodes;
	int32_t m;
	int ret;

	if (!uaddr_is_null(nodemask) && maxnode < 1)
		return -EINVAL;
	if (flags & ~(uint32_t)(GET_NODE | GET_ADDR | GET_ALLOWED))
		return -EINVAL;
	ret = lookup_policy(t, addr.va, flags, &m, &nodes);
	if (ret < 0)
		return ret;
	if (!uaddr_is_null(mode) && copy_out(mode, &m, sizeof(m)) < 0)
		return -EFAULT;
	return uaddr_is_null(nodemask) ? 0
				       : nodes_out(nodemask, maxnode, nodes);
}

long sys_mbind(struct task *t, uaddr_t addr, uint64_t size, uint32_t mode_in,
	       uaddr_t nodemask, uint64_t maxnode, uint32_t flags)
{
	int32_t mode = (int32_t)mode_in;
	uint64_t nodes, end;
	int ret = check_flags(mode & ~MODE_FLAGS, mode & MODE_FLAGS);

	if (ret == 0)
		ret = nodes_in(nodemask, maxnode, &nodes);
	if (ret < 0)
		return ret;
	if (flags & ~(uint32_t)(MBIND_STRICT | MBIND_MOVE | MBIND_MOVE_ALL))
		return -EINVAL;
	if ((flags & MBIND_MOVE_ALL) && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	if (addr.va % PAGE_SIZE)
		return -EINVAL;
	size = (size + PAGE_SIZE - 1) & PAGE_MASK;
	if (add_overflows(addr.va, size, &end))
		return -EINVAL;
	if (size == 0)
		return 0;
	ret = check_policy(&mode, &nodes);
	return ret < 0 ? ret : mm_check_mapped(t->mm, addr.va, end);
}

/* --- moving --------------------------------------------------------------- */

/* The process whose memory @pid says, if the caller may move it. */
static int mover_target(int32_t pid, struct mm **out)
{
	AUTO_PUT(task) struct task *p = NULL;

	if (pid) {
		p = task_lookup((uint32_t)pid);
	} else {
		p = current_task();
		task_get(p);
	}
	if (!p)
		return -ESRCH;
	if (task_may_access(p) < 0)
		return -EPERM;
	*out = task_get_mm(p);
	return *out ? 0 : -EINVAL;
}

/* Everything is on node 0 and stays there: no page fails to move. */
long sys_migrate_pages(struct task *t, int32_t pid, uint64_t maxnode,
		       uaddr_t from, uaddr_t to)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	uint64_t old, new = 0;
	int ret = nodes_in(from, maxnode, &old);

	(void)t;
	if (ret == 0)
		ret = nodes_in(to, maxnode, &new);
	if (ret == 0)
		ret = mover_target(pid, &mm);
	if (ret < 0)
		return ret;
	if ((new & ~NODES) && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	return new & NODES ? 0 : -EINVAL;
}

/* What move_pages(2) says of one page. */
static int page_status(struct mm *mm, uint64_t addr)
{
	uint64_t page = addr & PAGE_MASK;
	uint8_t byte;

	if (mm_check_mapped(mm, page, page + 1) < 0)
		return -EFAULT;
	/* Never touched: there is no page yet. */
	return mm_copy_in(mm, &byte, addr, 1, MM_NOFAULT) ? -ENOENT : 0;
}

static int move_page(struct mm *mm, uaddr_t pages, uaddr_t nodes,
		     uaddr_t status, uint64_t i)
{
	int32_t node = 0, st;
	uint64_t addr;

	if (copy_in(&addr, uaddr_add(pages, i * 8), sizeof(addr)) < 0)
		return -EFAULT;
	if (!uaddr_is_null(nodes) &&
	    copy_in(&node, uaddr_add(nodes, i * 4), sizeof(node)) < 0)
		return -EFAULT;
	if (node != 0)
		return -ENODEV;
	st = page_status(mm, addr);
	return copy_out(uaddr_add(status, i * 4), &st, sizeof(st));
}

long sys_move_pages(struct task *t, int32_t pid, uint64_t nr, uaddr_t pages,
		    uaddr_t nodes, uaddr_t status, uint32_t flags)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret;

	(void)t;
	if (flags & ~(uint32_t)(MBIND_MOVE | MBIND_MOVE_ALL))
		return -EINVAL;
	if ((flags & MBIND_MOVE_ALL) && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	ret = mover_target(pid, &mm);
	for (uint64_t i = 0; ret == 0 && i < nr; i++) {
		ret = move_page(mm, pages, nodes, status, i);
		if (ret == 0 && task_fatal_signal_pending(current_task()))
			ret = -EINTR;
	}
	return ret;
}
