/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_prctl: prctl(2), arch_prctl(2), personality(2).
 *
 * Options are a table; what is not in it is EINVAL, as on a kernel without it.
 * Tests: tests/conformance/prctl.c
 */
#include <errno.h>
#include <string.h>

#include "abi/prctl.h"
#include "abi/sysinfo.h"
#include "sentry/kernel/task_private.h"
#include "syscalls.h"

typedef long prctl_fn(struct task *t, uint64_t a, uint64_t b, uint64_t c,
		      uint64_t d);

static int put_int(uint64_t addr, int32_t v)
{
	return copy_out(uaddr(addr), &v, sizeof(v));
}

static long set_pdeathsig(struct task *t, uint64_t sig, uint64_t b, uint64_t c,
			  uint64_t d)
{
	(void)b, (void)c, (void)d;
	if (sig > LINUX_NSIG)
		return -EINVAL;
	tasklist_lock();
	t->priv->pdeathsig = (int)sig;
	tasklist_unlock();
	return 0;
}

static long get_pdeathsig(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
			  uint64_t d)
{
	(void)b, (void)c, (void)d;
	return put_int(addr, t->priv->pdeathsig);
}

static long set_dumpable(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)b, (void)c, (void)d;
	if (v > 1)
		return -EINVAL;
	mm_set_dumpable(t->mm, (int)v);
	return 0;
}

static long get_dumpable(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return mm_dumpable(t->mm);
}

/* Installs new securebits; @ret and @new as cred_*() gave them. */
static long set_cred(struct task *t, int ret, struct cred *new)
{
	if (ret < 0)
		return ret;
	task_set_cred(t, new);
	return 0;
}

static long set_keepcaps(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			 uint64_t d)
{
	struct cred *new = NULL;
	int ret;

	(void)b, (void)c, (void)d;
	if (v > 1)
		return -EINVAL;
	if (t->cred->securebits & LINUX_SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	ret = cred_copy(t->cred, &new);
	if (ret < 0)
		return ret;
	new->securebits &= ~LINUX_SECBIT_KEEP_CAPS;
	if (v)
		new->securebits |= LINUX_SECBIT_KEEP_CAPS;
	return set_cred(t, ret, new);
}

static long get_keepcaps(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return !!(t->cred->securebits & LINUX_SECBIT_KEEP_CAPS);
}

static long set_securebits(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			   uint64_t d)
{
	struct cred *new = NULL;
	int ret;

	(void)b, (void)c, (void)d;
	if (v >> 32)
		return -EPERM;
	ret = cred_set_securebits(t->cred, (uint32_t)v, &new);
	return set_cred(t, ret, new);
}

static long get_securebits(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			   uint64_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return t->cred->securebits;
}

static long capbset_read(struct task *t, uint64_t cap, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)b, (void)c, (void)d;
	if (cap > CAP_NR_LAST)
		return -EINVAL;
	return t->cred->cap_bounding >> cap & 1;
}

static long capbset_drop(struct task *t, uint64_t cap, uint64_t b, uint64_t c,
			 uint64_t d)
{
	struct cred *new = NULL;
	int ret;

	(void)b, (void)c, (void)d;
	if (cap > CAP_NR_LAST)
		return cred_own_capable(t->cred, CAP_NR_SETPCAP) ? -EINVAL
								 : -EPERM;
	ret = cred_drop_bounding(t->cred, (unsigned int)cap, &new);
	return set_cred(t, ret, new);
}

static long ambient_change(struct task *t, uint64_t op, uint64_t cap)
{
	struct cred *new = NULL;
	int ret;

	if (op == LINUX_PR_CAP_AMBIENT_RAISE) {
		ret = cred_raise_ambient(t->cred, (unsigned int)cap, &new);
		return set_cred(t, ret, new);
	}
	ret = cred_copy(t->cred, &new);
	if (ret < 0)
		return ret;
	if (op == LINUX_PR_CAP_AMBIENT_LOWER)
		new->cap_ambient &= ~(1ull << cap);
	else
		new->cap_ambient = 0;
	return set_cred(t, ret, new);
}

static long cap_ambient(struct task *t, uint64_t op, uint64_t cap, uint64_t c,
			uint64_t d)
{
	if (c || d)
		return -EINVAL;
	if (op == LINUX_PR_CAP_AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : ambient_change(t, op, 0);
	if (cap > CAP_NR_LAST)
		return -EINVAL;
	if (op == LINUX_PR_CAP_AMBIENT_IS_SET)
		return t->cred->cap_ambient >> cap & 1;
	if (op != LINUX_PR_CAP_AMBIENT_RAISE &&
	    op != LINUX_PR_CAP_AMBIENT_LOWER)
		return -EINVAL;
	return ambient_change(t, op, cap);
}

static long set_name(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
		     uint64_t d)
{
	char name[16];
	long len;

	(void)b, (void)c, (void)d;
	memset(name, 0, sizeof(name));
	len = copy_in_str(name, uaddr(addr), sizeof(name));
	if (len == -ENAMETOOLONG)
		len = copy_in(name, uaddr(addr), sizeof(name) - 1);
	if (len < 0)
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';
	mutex_lock(&t->mu);
	memset(t->comm, 0, sizeof(t->comm));
	strcpy(t->comm, name);
	mutex_unlock(&t->mu);
	return 0;
}

static long get_name(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
		     uint64_t d)
{
	char name[16];

	(void)b, (void)c, (void)d;
	mutex_lock(&t->mu);
	memcpy(name, t->comm, sizeof(name));
	mutex_unlock(&t->mu);
	return copy_out(uaddr(addr), name, sizeof(name));
}

static long set_subreaper(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			  uint64_t d)
{
	(void)b, (void)c, (void)d;
	tasklist_lock();
	t->group->child_subreaper = v != 0;
	tasklist_unlock();
	return 0;
}

static long get_subreaper(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
			  uint64_t d)
{
	(void)b, (void)c, (void)d;
	return put_int(addr, t->group->child_subreaper);
}

static long set_no_new_privs(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			     uint64_t d)
{
	if (v != 1 || b || c || d)
		return -EINVAL;
	t->no_new_privs = true;
	return 0;
}

static long get_no_new_privs(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			     uint64_t d)
{
	return a || b || c || d ? -EINVAL : t->no_new_privs;
}

static long set_seccomp(struct task *t, uint64_t mode, uint64_t fprog,
			uint64_t c, uint64_t d)
{
	(void)c, (void)d;
	if (mode == LINUX_SECCOMP_MODE_STRICT)
		return seccomp_set_strict(t);
	if (mode == LINUX_SECCOMP_MODE_FILTER)
		return seccomp_set_filter(t, 0, uaddr(fprog));
	return -EINVAL;
}

static long get_seccomp(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			uint64_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return t->priv->seccomp.mode;
}

static long set_timerslack(struct task *t, uint64_t v, uint64_t b, uint64_t c,
			   uint64_t d)
{
	(void)b, (void)c, (void)d;
	t->priv->timer_slack = (int64_t)v > 0 ? v : 50000;
	return 0;
}

static long get_timerslack(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			   uint64_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return (long)t->priv->timer_slack;
}

static long get_tid_address(struct task *t, uint64_t addr, uint64_t b,
			    uint64_t c, uint64_t d)
{
	(void)b, (void)c, (void)d;
	return copy_out(uaddr(addr), &t->clear_child_tid, 8);
}

static long get_timing(struct task *t, uint64_t a, uint64_t b, uint64_t c,
		       uint64_t d)
{
	(void)t, (void)a, (void)b, (void)c, (void)d;
	return 0; /* PR_TIMING_STATISTICAL */
}

static long set_timing(struct task *t, uint64_t v, uint64_t b, uint64_t c,
		       uint64_t d)
{
	(void)t, (void)b, (void)c, (void)d;
	return v ? -EINVAL : 0;
}

static long get_tsc(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
		    uint64_t d)
{
	(void)t, (void)b, (void)c, (void)d;
	return put_int(addr, 1); /* PR_TSC_ENABLE */
}

static long set_tsc(struct task *t, uint64_t v, uint64_t b, uint64_t c,
		    uint64_t d)
{
	(void)t, (void)b, (void)c, (void)d;
	return v == 1 ? 0 : -EINVAL; /* PR_TSC_SIGSEGV is not there */
}

static long set_mm(struct task *t, uint64_t a, uint64_t b, uint64_t c,
		   uint64_t d)
{
	(void)t, (void)a, (void)b, (void)c, (void)d;
	return capable(CAP_NR_SYS_RESOURCE) ? -EINVAL : -EPERM;
}

static const struct {
	int option;

	prctl_fn *fn;
} g_options[] = {
	{ LINUX_PR_SET_PDEATHSIG, set_pdeathsig },
	{ LINUX_PR_GET_PDEATHSIG, get_pdeathsig },
	{ LINUX_PR_GET_DUMPABLE, get_dumpable },
	{ LINUX_PR_SET_DUMPABLE, set_dumpable },
	{ LINUX_PR_GET_KEEPCAPS, get_keepcaps },
	{ LINUX_PR_SET_KEEPCAPS, set_keepcaps },
	{ LINUX_PR_GET_TIMING, get_timing },
	{ LINUX_PR_SET_TIMING, set_timing },
	{ LINUX_PR_SET_NAME, set_name },
	{ LINUX_PR_GET_NAME, get_name },
	{ LINUX_PR_GET_SECCOMP, get_seccomp },
	{ LINUX_PR_SET_SECCOMP, set_seccomp },
	{ LINUX_PR_CAPBSET_READ, capbset_read },
	{ LINUX_PR_CAPBSET_DROP, capbset_drop },
	{ LINUX_PR_GET_TSC, get_tsc },
	{ LINUX_PR_SET_TSC, set_tsc },
	{ LINUX_PR_GET_SECUREBITS, get_securebits },
	{ LINUX_PR_SET_SECUREBITS, set_securebits },
	{ LINUX_PR_SET_TIMERSLACK, set_timerslack },
	{ LINUX_PR_GET_TIMERSLACK, get_timerslack },
	{ LINUX_PR_SET_MM, set_mm },
	{ LINUX_PR_SET_CHILD_SUBREAPER, set_subreaper },
	{ LINUX_PR_GET_CHILD_SUBREAPER, get_subreaper },
	{ LINUX_PR_SET_NO_NEW_PRIVS, set_no_new_privs },
	{ LINUX_PR_GET_NO_NEW_PRIVS, get_no_new_privs },
	{ LINUX_PR_GET_TID_ADDRESS, get_tid_address },
	{ LINUX_PR_CAP_AMBIENT, cap_ambient },
	{ LINUX_PR_SET_SYSCALL_USER_DISPATCH, user_dispatch_set },
};

long sys_prctl(struct task *t, int32_t option, uint64_t a, uint64_t b,
	       uint64_t c, uint64_t d)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_options); i++)
		if (g_options[i].option == option)
			return g_options[i].fn(t, a, b, c, d);
	return -EINVAL;
}

long sys_arch_prctl(struct task *t, int32_t option, uint64_t addr)
{
	struct guest_regs *r = platform_regs(t->cpu);
	bool gs = option == LINUX_ARCH_SET_GS || option == LINUX_ARCH_GET_GS;
	uint64_t *base = gs ? &r->gs_base : &r->fs_base;

	switch (option) {
	case LINUX_ARCH_SET_GS:
	case LINUX_ARCH_SET_FS:
		if (addr >= platform_limits()->max_user_addr)
			return -EPERM;
		*base = addr;
		return 0;
	case LINUX_ARCH_GET_GS:
	case LINUX_ARCH_GET_FS:
		return copy_out(uaddr(addr), base, sizeof(*base));
	case LINUX_ARCH_GET_CPUID:
		return 1;
	case LINUX_ARCH_SET_CPUID:
		return -ENODEV; /* no CPUID faulting */
	}
	return -EINVAL;
}

/* Kept and reported; ADDR_NO_RANDOMIZE is obeyed at the next execve. */
long sys_personality(struct task *t, uint32_t persona)
{
	uint32_t old = t->priv->personality;

	if (persona != LINUX_PER_QUERY)
		atomic_store(&t->priv->personality, persona);
	return old;
}
