/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace_request: what a tracer asks for, but for registers.
 *
 * A request other than KILL and INTERRUPT needs a tracee in a stop, and freezes
 * it there: the tracee's thread touches nothing until it is let go.
 *
 * Locks: the tracee's sighand around its fields; none while guest memory is
 *        copied.
 * Linux: ptrace_request() of 6.18.
 * Tests: tests/conformance/ptrace.c, ptrace_stop.c, ptrace_seccomp.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/mm/mm.h"

/* --- freezing ------------------------------------------------------------- */

/*
 * Both locks held.  At an exec event the id has changed; until wait4(2) told
 * of it, a request by the old id of what became the leader is a mistake.
 */
static bool is_renamed_locked(struct task *p)
{
	const struct ptrace_state *ps = &p->priv->ptrace;

	return ps->stop_code ==
		       (LINUX_PTRACE_EVENT_EXEC << 8 | LINUX_SIGTRAP) &&
	       ps->message != pid_nr_in_locked(p->tid, task_pid_ns(ps->tracer));
}

static int freeze(struct task *p, bool any_state)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	int ret = -ESRCH;

	tasklist_lock();
	if (ps->tracer != current_task()) {
		tasklist_unlock();
		return -ESRCH;
	}
	mutex_lock(&p->group->signals->mu);
	if (any_state) {
		ret = 0;
	} else if (ps->stopped && !ps->listening && !ps->killed &&
		   !is_renamed_locked(p)) {
		ps->frozen = true;
		ret = 0;
	}
	mutex_unlock(&p->group->signals->mu);
	tasklist_unlock();
	return ret;
}

static void thaw(struct task *p)
{
	mutex_lock(&p->group->signals->mu);
	p->priv->ptrace.frozen = false;
	if (p->priv->ptrace.killed)
		task_wake(p);
	mutex_unlock(&p->group->signals->mu);
}

/* --- going on ------------------------------------------------------------- */

static long resume(struct task *p, uint64_t calls, uint64_t signo)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	uint32_t keep = PTRACE_CALLS_WATCH;

	if (signo > LINUX_NSIG)
		return -EIO;
	mutex_lock(&p->group->signals->mu);
	atomic_fetch_and(&ps->calls, keep);
	atomic_fetch_or(&ps->calls, (uint32_t)calls);
	ps->stop_code = (int)signo;
	ptrace_resume_locked(p);
	mutex_unlock(&p->group->signals->mu);
	return 0;
}

static long detach(struct task *p, uint64_t signo)
{
	if (signo > LINUX_NSIG)
		return -EIO;
	mutex_lock(&p->group->signals->mu);
	p->priv->ptrace.stop_code = (int)signo;
	mutex_unlock(&p->group->signals->mu);
	tasklist_lock();
	ptrace_detach_locked(p);
	tasklist_unlock();
	return 0;
}

static long do_kill(struct task *p)
{
	struct linux_siginfo si;

	siginfo_user(&si, LINUX_SIGKILL, LINUX_SI_USER);
	(void)signal_send_task(p, &si);
	return 0;
}

static long interrupt(struct task *p)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	long ret = -EIO;

	mutex_lock(&p->group->signals->mu);
	if (ps->seized) {
		ret = 0;
		if (!p->signals->exiting && !task_fatal_signal_pending(p)) {
			ps->trap_stop = true;
			if (ps->listening)
				ptrace_resume_locked(p);
			signal_wake_locked(p, false);
		}
	}
	mutex_unlock(&p->group->signals->mu);
	return ret;
}

static long listen(struct task *p)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	long ret = -EIO;

	mutex_lock(&p->group->signals->mu);
	if (ps->seized && ps->info &&
	    ps->info->code >> 8 == LINUX_PTRACE_EVENT_STOP) {
		ret = 0;
		ps->listening = true;
		if (ps->trap_notify) /* it changed before we listened */
			ptrace_resume_locked(p);
	}
	mutex_unlock(&p->group->signals->mu);
	return ret;
}

/* --- memory, options, messages -------------------------------------------- */

static long peek(struct task *p, uint64_t addr, uint64_t to)
{
	AUTO_PUT(mm) struct mm *mm = task_get_mm(p);
	uint64_t word;

	if (mm)
		mm_unpatch(mm);
	if (!mm || mm_copy_in(mm, &word, addr, sizeof(word), MM_FORCE))
		return -EIO;
	return copy_out(uaddr(to), &word, sizeof(word));
}

static long poke(struct task *p, uint64_t addr, uint64_t word)
{
	AUTO_PUT(mm) struct mm *mm = task_get_mm(p);

	if (mm)
		mm_unpatch(mm);
	if (!mm || mm_copy_out(mm, addr, &word, sizeof(word), MM_FORCE))
		return -EIO;
	return 0;
}

static long set_options(struct task *p, uint64_t options)
{
	int ret = ptrace_option_error(options);

	if (ret < 0)
		return ret;
	mutex_lock(&p->group->signals->mu);
	atomic_store(&p->priv->ptrace.options, (uint32_t)options);
	mutex_unlock(&p->group->signals->mu);
	return 0;
}

static long get_message(struct task *p, uint64_t to)
{
	uint64_t message = p->priv->ptrace.message;

	return copy_out(uaddr(to), &message, sizeof(message));
}

/* rseq(2) is not there, so that no area is ever registered. */
static long get_rseq(uint64_t size, uint64_t to)
{
	struct linux_ptrace_rseq_configuration conf = { 0 };

	if (copy_out(uaddr(to), &conf, MIN(size, sizeof(conf))) < 0)
		return -EFAULT;
	return sizeof(conf);
}

static long get_dispatch(struct task *p, uint64_t size, uint64_t to)
{
	const struct user_dispatch *d = &p->priv->user_dispatch;
	struct linux_ptrace_sud_config c = { d->on, d->selector, d->start,
					     d->size };

	if (size != sizeof(c))
		return -EINVAL;
	return copy_out(uaddr(to), &c, sizeof(c));
}

static long set_dispatch(struct task *p, uint64_t size, uint64_t from)
{
	struct linux_ptrace_sud_config c;

	if (size != sizeof(c))
		return -EINVAL;
	if (copy_in(&c, uaddr(from), sizeof(c)) < 0)
		return -EFAULT;
	return user_dispatch_set(p, c.mode, c.offset, c.len, c.selector);
}

/* --- signals -------------------------------------------------------------- */

static long get_siginfo(struct task *p, uint64_t to)
{
	struct linux_siginfo si;

	if (!p->priv->ptrace.info)
		return -EINVAL;
	si = *p->priv->ptrace.info;
	return copy_out(uaddr(to), &si, sizeof(si));
}

static long set_siginfo(struct task *p, uint64_t from)
{
	struct linux_siginfo si;

	if (copy_in(&si, uaddr(from), sizeof(si)) < 0)
		return -EFAULT;
	if (!p->priv->ptrace.info)
		return -EINVAL;
	*p->priv->ptrace.info = si;
	return 0;
}

static bool nth_pending(struct task *p, bool shared, uint64_t n,
			struct linux_siginfo *out)
{
	struct signal_state *s = p->group->signals;
	struct sigpending *q = shared ? &s->shared : &p->signals->pending;
	struct sigqueue *e;
	bool found = false;

	mutex_lock(&s->mu);
	list_for_each_entry (e, &q->queue, node) {
		if (n-- > 0)
			continue;
		*out = e->si;
		found = true;
		break;
	}
	mutex_unlock(&s->mu);
	return found;
}

static long peek_siginfo(struct task *p, uint64_t addr, uint64_t to)
{
	struct linux_ptrace_peeksiginfo_args a;
	struct linux_siginfo si;
	int32_t i;

	if (copy_in(&a, uaddr(addr), sizeof(a)) < 0)
		return -EFAULT;
	if ((a.flags & ~LINUX_PTRACE_PEEKSIGINFO_SHARED) || a.nr < 0)
		return -EINVAL;
	for (i = 0; i < a.nr; i++) {
		if (!nth_pending(p, a.flags, a.off + (uint64_t)i, &si))
			break;
		if (copy_out(uaddr(to), &si, sizeof(si)) < 0)
			return i ? i : -EFAULT;
		to += sizeof(si);
		if (task_signal_pending(current_task()))
			return i + 1;
	}
	return i;
}

static long get_sigmask(struct task *p, uint64_t size, uint64_t to)
{
	const struct task_signals *ts = p->signals;
	uint64_t mask = ts->has_saved ? ts->saved_mask : ts->blocked;

	if (size != sizeof(mask))
		return -EINVAL;
	return copy_out(uaddr(to), &mask, sizeof(mask));
}

static long set_sigmask(struct task *p, uint64_t size, uint64_t from)
{
	uint64_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_in(&mask, uaddr(from), sizeof(mask)) < 0)
		return -EFAULT;
	mutex_lock(&p->group->signals->mu);
	p->signals->blocked = mask & ~SIGMASK_ALWAYS;
	p->signals->has_saved = false;
	atomic_fetch_and(&p->work, ~(uint32_t)TASK_WORK_MASK);
	mutex_unlock(&p->group->signals->mu);
	return 0;
}

/* --- the call ------------------------------------------------------------- */

static long do_request(struct task *p, uint64_t request, uint64_t addr,
		       uint64_t data)
{
	const uint32_t stop = PTRACE_CALLS_STOP, step = PTRACE_CALLS_STEP;
	int ret;

	switch (request) {
	case LINUX_PTRACE_PEEKTEXT:
	case LINUX_PTRACE_PEEKDATA:
		return peek(p, addr, data);
	case LINUX_PTRACE_POKETEXT:
	case LINUX_PTRACE_POKEDATA:
		return poke(p, addr, data);
	case LINUX_PTRACE_CONT:
		return resume(p, 0, data);
	case LINUX_PTRACE_SYSCALL:
		return resume(p, stop, data);
	case LINUX_PTRACE_SINGLESTEP:
		return resume(p, step, data);
	case LINUX_PTRACE_SINGLEBLOCK:
		ret = ptrace_block_prepare(p);
		return ret < 0 ? ret
			       : resume(p, step | PTRACE_CALLS_BLOCK, data);
	case LINUX_PTRACE_SYSEMU:
		return resume(p, stop | PTRACE_CALLS_EMULATE, data);
	case LINUX_PTRACE_SYSEMU_SINGLESTEP:
		return resume(p, stop | step | PTRACE_CALLS_EMULATE, data);
	case LINUX_PTRACE_KILL:
		return do_kill(p);
	case LINUX_PTRACE_DETACH:
		return detach(p, data);
	case LINUX_PTRACE_INTERRUPT:
		return interrupt(p);
	case LINUX_PTRACE_LISTEN:
		return listen(p);
	case LINUX_PTRACE_OLDSETOPTIONS:
	case LINUX_PTRACE_SETOPTIONS:
		return set_options(p, data);
	case LINUX_PTRACE_GETEVENTMSG:
		return get_message(p, data);
	case LINUX_PTRACE_GETSIGINFO:
		return get_siginfo(p, data);
	case LINUX_PTRACE_SETSIGINFO:
		return set_siginfo(p, data);
	case LINUX_PTRACE_PEEKSIGINFO:
		return peek_siginfo(p, addr, data);
	case LINUX_PTRACE_GETSIGMASK:
		return get_sigmask(p, addr, data);
	case LINUX_PTRACE_SETSIGMASK:
		return set_sigmask(p, addr, data);
	case LINUX_PTRACE_SECCOMP_GET_FILTER:
		return seccomp_get_filter(p, addr, uaddr(data));
	case LINUX_PTRACE_SECCOMP_GET_METADATA:
		return seccomp_get_metadata(p, addr, uaddr(data));
	case LINUX_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG:
		return get_dispatch(p, addr, data);
	case LINUX_PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG:
		return set_dispatch(p, addr, data);
	case LINUX_PTRACE_GET_RSEQ_CONFIGURATION:
		return get_rseq(addr, data);
	default:
		return ptrace_request_regs(p, request, addr, data);
	}
}

long ptrace_request(struct task *p, uint64_t request, uint64_t addr,
		    uint64_t data)
{
	bool any_state = request == LINUX_PTRACE_KILL ||
			 request == LINUX_PTRACE_INTERRUPT;
	long ret = freeze(p, any_state);

	if (ret < 0)
		return ret;
	ret = do_request(p, request, addr, data);
	/* After a detach it may be another's. */
	if (!any_state && (ret < 0 || request != LINUX_PTRACE_DETACH))
		thaw(p);
	return ret;
}
