/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_msg: messages of AF_UNIX sockets, and who is charged for them.
 *
 * A sender charges itself for a message and may send while its charge is below
 * its buffer size; whoever frees the message takes the charge back.
 *
 * Freeing a message may close the last descriptor of another socket, and so on;
 * that is done in a loop, not by recursion (a guest chooses the depth).
 *
 * Locks: none held while messages are freed.
 * Tests: tests/conformance/unix_socket.c, unix_more.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task.h"

#define OVERHEAD   256u /* what a message costs beside its bytes */
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

/* --- descriptors under way ------------------------------------------------ */

/* Too many of the sender's wait in queues.  -ETOOMANYREFS. */
static int check_inflight(const struct user_acct *user)
{
	uint64_t limit = task_rlimit(current_task(), RLIM_NOFILE);

	if (user->nr_inflight <= limit)
		return 0;
	if (capable(CAP_NR_SYS_RESOURCE) || capable(CAP_NR_SYS_ADMIN))
		return 0;
	return -ETOOMANYREFS;
}

int unix_attach_files(struct unix_msg *msg, struct scm *scm)
{
	struct user_acct *user = current_task()->cred->user;
	int ret;

	if (!scm->nr_files)
		return 0;
	ret = check_inflight(user);
	if (ret < 0)
		return ret;
	msg->scm.files = take(scm->files);
	msg->scm.nr_files = scm->nr_files;
	scm->nr_files = 0;
	msg->payer = user;
	user_acct_get(user);
	user->nr_inflight += msg->scm.nr_files;
	unix_gc_begin(&msg->scm);
	return 0;
}

void unix_detach_files(struct unix_msg *msg, struct scm *to)
{
	if (!msg->scm.nr_files)
		return;
	unix_gc_end(msg, to);
	msg->payer->nr_inflight -= to->nr_files;
	user_acct_put(take(msg->payer));
}

/* --- life ----------------------------------------------------------------- */

static void free_msg(struct unix_msg *msg)
{
	struct unix_sock *from = msg->from;
	struct scm files = { 0 };

	unix_detach_files(msg, &files);
	scm_fini(&files);
	scm_fini(&msg->scm);
	if (msg->name)
		unix_name_put(msg->name);
	if (from) {
		uint32_t extra = 0;

		from->charged -= msg->charge;
		/* Who saw it full hears of it; see vfs/async.c. */
		if (unix_writable(from) && atomic_exchange(&from->full, false))
			extra = LINUX_POLLWRBAND;
		if (unix_writable(from))
			unix_wake(from, EVENTS_OUT | extra);
		unix_put(from);
	}
	free(msg);
}

static _Thread_local bool tl_dropping;

bool unix_is_dropping(void)
{
	return tl_dropping;
}

void unix_drop_msgs(struct list *msgs)
{
	static _Thread_local struct list todo;
	struct unix_msg *msg;

	if (!todo.next)
		list_init(&todo);
	list_splice(msgs, &todo);
	if (tl_dropping)
		return; /* the loop below goes on with them */
	tl_dropping = true;
	while ((msg = list_first(&todo, struct unix_msg, node))) {
		list_del(&msg->node);
		free_msg(msg);
	}
	tl_dropping = false;
}

void unix_drop_msg(struct unix_msg *msg)
{
	static _Thread_local struct list one; /* empty again at once */

	list_init(&one);
	list_append(&one, &msg->node);
	unix_drop_msgs(&one);
}

/* Who sends: the caller, or whom it named and may name. */
static void set_sender(struct unix_msg *msg, const struct socket_msg *m)
{
	if (m->scm.has_cred)
		msg->scm.cred = m->scm.cred;
	else
		current_ucred(&msg->scm.cred);
	msg->scm.sender = m->scm.has_cred
				  ? thread_group_lookup(pid_to_guest(
					    (uint32_t)msg->scm.cred.pid))
				  : current_task()->group;
	if (msg->scm.sender && !m->scm.has_cred)
		thread_group_get(msg->scm.sender);
}

int unix_msg_new(struct unix_sock *from, struct socket_msg *m, size_t size,
		 struct unix_msg **out)
{
	struct unix_msg *msg = malloc(sizeof(*msg) + size);
	long got = 0;

	if (!msg)
		return -ENOMEM;
	memset(msg, 0, sizeof(*msg));
	list_init(&msg->node);
	if (size)
		got = uio_copy_in(m->u, msg->data, size);
	if (got != (long)size) {
		free(msg);
		return -EFAULT;
	}
	msg->size = size;
	msg->charge = (uint32_t)(size + OVERHEAD);
	msg->from = from;
	unix_get(from);
	from->charged += msg->charge;
	msg->name = unix_get_name(from);
	set_sender(msg, m);
	*out = msg;
	return 0;
}
