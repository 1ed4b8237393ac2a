/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: execve's way from a file to a filled address space.
 *
 * Invariant: nothing of the caller changes but args->argv; the new space and
 *            identity are handed over only on success.
 * Locks:     none held.
 * Linux:     fs/exec.c, fs/binfmt_elf.c of 6.12.
 * Tests:     tests/conformance (exec), tests/real
 */
#include "sentry/loader/loader.h"

#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "abi/auxv.h"
#include "abi/elf.h"
#include "abi/fcntl.h"
#include "abi/xattr.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/loader/elf_load.h"
#include "sentry/loader/script.h"
#include "sentry/loader/stack.h"
#include "sentry/loader/vdso.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"

#define MAX_SCRIPT_DEPTH 5
#define ARG_MAX_FLOOR	 (32 * PAGE_SIZE)     /* always granted */
#define ARG_MAX_CEILING	 (6ull * 1024 * 1024) /* 3/4 of 8 MiB */
#define MIN_SIGSTACK	 2048
#define FSGSBASE_HWCAP2	 2

/* One load in progress. */
struct load {
	const struct load_args *args;
	struct file *file;   /* what is loaded at last, +1 */
	struct file *interp; /* PT_INTERP's, +1; or NULL */
	struct elf_image image, interp_image;
	struct mm *mm;
	struct exec_cred id;
	uint64_t bias, interp_bias, entry, vdso, sp;
};

static void load_fini(struct load *l)
{
	elf_fini(&l->image);
	elf_fini(&l->interp_image);
	if (l->interp)
		file_put(l->interp);
	if (l->file)
		file_put(l->file);
	if (l->mm)
		mm_put(l->mm);
	if (l->id.cred)
		cred_put(l->id.cred);
}

/* --- scripts -------------------------------------------------------------- */

static uint64_t arg_limit(const struct load_args *args)
{
	uint64_t limit = MIN(args->stack_limit / 4, ARG_MAX_CEILING);

	return MAX(limit, ARG_MAX_FLOOR);
}

static int check_arg_size(const struct load_args *args)
{
	uint64_t size =
		args->argv->text.len + args->envp->text.len +
		((uint64_t)args->argv->nr + args->envp->nr) * sizeof(uint64_t);

	if (args->argv->text.failed || args->envp->text.failed)
		return -ENOMEM;
	return size > arg_limit(args) ? -E2BIG : 0;
}

/* interpreter [argument] script argv[1]... replaces argv. */
static int rewrite_argv(struct arg_block *argv, const struct script_line *line,
			const char *script)
{
	struct arg_block next = { 0 };
	size_t skip = 0;

	if (argv->nr > 0)
		skip = strnlen(argv->text.data, argv->text.len) + 1;
	seq_write(&next.text, line->interpreter, strlen(line->interpreter) + 1);
	if (line->argument)
		seq_write(&next.text, line->argument,
			  strlen(line->argument) + 1);
	seq_write(&next.text, script, strlen(script) + 1);
	if (skip < argv->text.len)
		seq_write(&next.text, argv->text.data + skip,
			  argv->text.len - skip);
	next.nr = (line->argument ? 3 : 2) + (argv->nr ? argv->nr - 1 : 0);
	if (next.text.failed) {
		seq_fini(&next.text);
		return -ENOMEM;
	}
	seq_fini(&argv->text);
	*argv = next;
	return 0;
}

/* Follows one "#!": l->file becomes the interpreter.  -ENOEXEC: no script. */
static int follow_script(struct load *l, struct script_line *line,
			 const char *script)
{
	char head[SCRIPT_HEAD_SIZE];
	struct file *interp = NULL;
	long n;
	int ret;

	n = file_pread_kernel(l->file, head, sizeof(head), 0);
	if (n < 0)
		return (int)n;
	ret = script_parse(head, (size_t)n, line);
	if (ret == 0)
		ret = rewrite_argv(l->args->argv, line, script);
	if (ret == 0)
		ret = check_arg_size(l->args);
	if (ret == 0)
		ret = vfs_open_exec(LINUX_AT_FDCWD, line->interpreter,
				    WALK_FOLLOW, &interp);
	if (ret < 0)
		return ret;
	file_put(l->file);
	l->file = interp;
	return 0;
}

static int follow_scripts(struct load *l)
{
	struct script_line line[2];
	const char *script = l->args->filename;

	for (unsigned int depth = 0;; depth++) {
		struct script_line *now = &line[depth % 2];
		int ret;

		if (depth > MAX_SCRIPT_DEPTH)
			return -ELOOP;
		ret = follow_script(l, now, script);
		if (ret == -ENOEXEC)
			return 0; /* perhaps ELF */
		if (ret < 0)
			return ret;
		script = now->interpreter;
	}
}

/* --- ELF ------------------------------------------------------------------ */

static int open_interp(struct load *l)
{
	AUTO_FREE char *name = NULL;
	size_t size = l->image.interp_size;
	long n;
	int ret;

	if (!l->image.has_interp)
		return 0;
	name = malloc(size);
	if (!name)
		return -ENOMEM;
	if (l->image.interp_off > INT64_MAX - size)
		return -EINVAL;
	n = file_pread_kernel(l->file, name, size,
			      (int64_t)l->image.interp_off);
	if (n < 0)
		return (int)n;
	if ((size_t)n != size)
		return -EIO;
	if (name[size - 1] != '\0')
		return -ENOEXEC;
	ret = vfs_open_exec(LINUX_AT_FDCWD, name, WALK_FOLLOW, &l->interp);
	if (ret < 0)
		return ret;
	return elf_read(l->interp, true, &l->interp_image);
}

static int map_images(struct load *l)
{
	int ret;

	ret = elf_map(l->mm, l->file, &l->image,
		      l->interp ? ELF_PLACE_MAIN : ELF_PLACE_STATIC, &l->bias);
	if (ret < 0)
		return ret;
	l->entry = l->image.entry + l->bias;
	if (l->interp) {
		ret = elf_map(l->mm, l->interp, &l->interp_image,
			      ELF_PLACE_INTERP, &l->interp_bias);
		if (ret < 0)
			return ret;
		l->entry = l->interp_image.entry + l->interp_bias;
	}
	if (l->entry >= ELF_TASK_SIZE)
		return -EINVAL;
	return vdso_map(l->mm, task_exec_has_offsets(current_task()), &l->vdso);
}

/* --- identity ------------------------------------------------------------- */

/* The file's capabilities, if its file system keeps such a thing. */
static void read_caps(struct inode *inode, struct file_caps *out)
{
	uint8_t raw[LINUX_VFS_CAP_SIZE_3];
	long n = -ENODATA;

	*out = (struct file_caps){ .present = false };
	if (inode->ops->getxattr)
		n = inode->ops->getxattr(inode, LINUX_XATTR_NAME_CAPS, raw,
					 sizeof(raw));
	if (n < 0)
		return;
	if (file_caps_parse(raw, (size_t)n, out) < 0)
		log_debug("exec: bad capabilities of inode %lu", inode->ino);
}

static int make_cred(struct load *l)
{
	const struct cred *old = l->args->cred;
	struct inode *inode = l->file->inode;
	struct mount *mnt = l->file->path.mnt;
	struct exec_file f = {
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.no_new_privs = l->args->no_new_privs,
		.traced = l->args->traced,
		.may_setuid = cred_own_capable(old, CAP_NR_SETUID),
	};

	f.ignore_suid = !mnt || (mnt->flags & MNT_NOSUID) ||
			(mnt->sb->user_ns &&
			 !user_ns_is_below(old->user_ns, mnt->sb->user_ns));
	if (!f.ignore_suid)
		read_caps(inode, &f.caps);
	return cred_exec(old, &f, &l->id);
}

/* A program that the caller may not read must not be dumped or traced. */
static bool may_dump(const struct load *l)
{
	const struct cred *c = l->args->cred;

	if (l->id.changed || c->euid != c->uid || c->egid != c->gid)
		return false;
	if (inode_permission(l->file->inode, c, MAY_READ) < 0)
		return false;
	return !l->interp ||
	       inode_permission(l->interp->inode, c, MAY_READ) == 0;
}

/* --- stack ---------------------------------------------------------------- */

struct auxv {
	uint64_t word[STACK_AUXV_WORDS];
	uint32_t nr;
};

static void aux(struct auxv *a, uint64_t type, uint64_t value)
{
	if (a->nr + 2 > ARRAY_SIZE(a->word) - 2)
		return; /* room for AT_NULL stays; the list is fixed */
	a->word[a->nr++] = type;
	a->word[a->nr++] = value;
}

/* CPUID 1: EDX.  libc's getauxval() shows something of its own here. */
static uint64_t hwcap(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) ? edx : 0;
}

static void fill_aux(const struct load *l, struct auxv *a)
{
	const struct cred *c = l->id.cred;
	uint64_t phdr = l->image.phdr_vaddr + l->bias;
	uint64_t sigstack = host_auxv(LINUX_AT_MINSIGSTKSZ);

	aux(a, LINUX_AT_SYSINFO_EHDR, l->vdso);
	aux(a, LINUX_AT_MINSIGSTKSZ, MAX(sigstack, (uint64_t)MIN_SIGSTACK));
	aux(a, LINUX_AT_HWCAP, hwcap());
	aux(a, LINUX_AT_PAGESZ, PAGE_SIZE);
	aux(a, LINUX_AT_CLKTCK, 100);
	aux(a, LINUX_AT_PHDR, phdr);
	aux(a, LINUX_AT_PHENT, sizeof(struct linux_elf64_phdr));
	aux(a, LINUX_AT_PHNUM, l->image.phnum);
	aux(a, LINUX_AT_BASE, l->interp_bias);
	aux(a, LINUX_AT_FLAGS, 0);
	aux(a, LINUX_AT_ENTRY, l->image.entry + l->bias);
	aux(a, LINUX_AT_UID, c->uid);
	aux(a, LINUX_AT_EUID, c->euid);
	aux(a, LINUX_AT_GID, c->gid);
	aux(a, LINUX_AT_EGID, c->egid);
	aux(a, LINUX_AT_SECURE, l->id.secure);
	aux(a, LINUX_AT_RANDOM, 0);
	aux(a, LINUX_AT_HWCAP2, host_auxv(LINUX_AT_HWCAP2) & FSGSBASE_HWCAP2);
	aux(a, LINUX_AT_EXECFN, 0);
	aux(a, LINUX_AT_PLATFORM, 0);
}

static int put(struct mm *mm, uint64_t at, const void *data, size_t size)
{
	if (size && mm_copy_out(mm, at, data, size, 0) != 0)
		return -EFAULT;
	return 0;
}

static int write_stack(struct load *l, const struct stack_input *in,
		       const struct stack_plan *p, const uint8_t *random)
{
	struct mm *mm = l->mm;
	int ret;

	ret = put(mm, p->filename_at, l->args->filename, in->filename_size);
	if (ret == 0)
		ret = put(mm, p->envp_at, in->envp, in->envp_size);
	if (ret == 0)
		ret = put(mm, p->argv_at, in->argv, in->argv_size);
	if (ret == 0)
		ret = put(mm, p->platform_at, STACK_PLATFORM,
			  sizeof(STACK_PLATFORM));
	if (ret == 0)
		ret = put(mm, p->random_at, random, STACK_RANDOM_BYTES);
	if (ret == 0)
		ret = put(mm, p->sp, p->words, p->nr_words * sizeof(uint64_t));
	return ret;
}

static void set_marks(struct load *l, const struct stack_input *in,
		      const struct stack_plan *p)
{
	struct mm_marks *m = mm_marks(l->mm);
	const struct elf_image *img = &l->image;

	m->start_code = img->start_code + l->bias;
	m->end_code = img->end_code + l->bias;
	m->start_data = img->start_data + l->bias;
	m->end_data = img->end_data + l->bias;
	m->start_stack = p->sp;
	m->arg_start = p->argv_at;
	m->arg_end = p->argv_at + in->argv_size;
	m->env_start = p->envp_at;
	m->env_end = p->envp_at + in->envp_size;
	m->vdso = l->vdso;
	memcpy(m->auxv, in->auxv, in->nr_auxv * sizeof(uint64_t));
}

static int build_stack(struct load *l)
{
	const struct load_args *a = l->args;
	struct {
		uint8_t bytes[STACK_RANDOM_BYTES];
		uint32_t gap;
	} random = { .gap = 0 };
	struct auxv auxv = { .nr = 0 };
	struct stack_plan plan;
	struct stack_input in = {
		.argv = a->argv->text.data,
		.argv_size = a->argv->text.len,
		.argc = a->argv->nr,
		.envp = a->envp->text.data,
		.envp_size = a->envp->text.len,
		.envc = a->envp->nr,
		.filename_size = strlen(a->filename) + 1,
		.auxv = auxv.word,
	};
	int ret;

	ret = mm_map_stack(l->mm, l->image.exec_stack, &in.top);
	if (ret == 0)
		ret = host_getrandom(&random, sizeof(random));
	if (ret < 0)
		return ret;
	in.gap = a->no_aslr ? 0 : random.gap % STACK_GAP_MAX;
	fill_aux(l, &auxv);
	in.nr_auxv = auxv.nr;
	ret = stack_plan(&in, &plan);
	if (ret < 0)
		return ret;
	ret = write_stack(l, &in, &plan, random.bytes);
	set_marks(l, &in, &plan);
	l->sp = plan.sp;
	stack_plan_fini(&plan);
	return ret;
}

/* --- all of it ------------------------------------------------------------ */

static int fill_space(struct load *l)
{
	const struct load_args *a = l->args;
	int ret;

	ret = mm_new(&l->mm);
	if (ret < 0)
		return ret;
	mm_layout_init(l->mm, a->no_aslr, a->stack_limit);
	ret = map_images(l);
	if (ret == 0)
		ret = build_stack(l);
	if (ret < 0)
		return ret;
	mm_set_brk(l->mm, l->image.bss_end + l->bias);
	mm_set_exe_file(l->mm, l->file);
	if (l->interp) /* only the program itself stays protected */
		file_allow_write(l->interp);
	mm_set_dumpable(l->mm, may_dump(l));
	return 0;
}

static void hand_over(struct load *l, struct load_result *out)
{
	const char *base = strrchr(l->args->filename, '/');

	base = base ? base + 1 : l->args->filename;
	*out = (struct load_result){
		.mm = take(l->mm),
		.entry = l->entry,
		.sp = l->sp,
		.id = l->id,
	};
	l->id.cred = NULL; /* handed over */
	strncpy(out->comm, base, sizeof(out->comm) - 1);
}

int load_program(const struct load_args *args, struct load_result *out)
{
	struct load l = { .args = args, .file = args->file };
	int ret;

	file_get(l.file);
	ret = check_arg_size(args);
	if (ret == 0)
		ret = follow_scripts(&l);
	if (ret == 0 && args->argv->nr == 0) {
		/* An empty argument list becomes one empty string. */
		seq_write(&args->argv->text, "", 1);
		args->argv->nr = 1;
	}
	if (ret == 0)
		ret = elf_read(l.file, false, &l.image);
	if (ret == 0)
		ret = open_interp(&l);
	if (ret == 0)
		ret = make_cred(&l);
	if (ret == 0) {
		ret = fill_space(&l);
		if (ret < 0 && args->out_too_late)
			*args->out_too_late = true;
	}
	if (ret == 0)
		hand_over(&l, out);
	load_fini(&l);
	return ret;
}
