/* SPDX-License-Identifier: Apache-2.0 */
/* What execve(2) makes of ELF files and "#!" scripts, good and bad; the new
 * program's stack. */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

#define BASE 0x10000000ull

/* mov $60,%eax; mov $42,%edi; syscall: exit(42) */
static const unsigned char exit42[] = { 0xb8, 60, 0, 0, 0,    0xbf,
					42,   0,  0, 0, 0x0f, 0x05 };

struct program {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[4];
	unsigned char code[64];
	char interp[64];
};

static struct program good(void)
{
	struct program p = {
		.eh = { .e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = 1,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_entry = BASE + offsetof(struct program, code) },
		.ph = { { .p_type = PT_LOAD,
			  .p_flags = PF_R | PF_X,
			  .p_vaddr = BASE,
			  .p_filesz = sizeof(struct program),
			  .p_memsz = sizeof(struct program),
			  .p_align = 4096 } },
	};

	memcpy(p.eh.e_ident, ELFMAG, 4);
	p.eh.e_ident[EI_CLASS] = ELFCLASS64;
	p.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	p.eh.e_ident[EI_VERSION] = 1;
	memcpy(p.code, exit42, sizeof(exit42));
	return p;
}

static char path[64];

static void put(const void *data, size_t size)
{
	int fd;

	SCRATCH_NAME(path, sizeof(path), "test");
	unlink(path);
	fd = EXPECT_OK(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755));
	EXPECT_EQ(size, write(fd, data, size));
	EXPECT_OK(close(fd));
}

/* Wait status of a child that execs the file; -errno if that fails. */
static int run(char *const argv[])
{
	int status, fds[2], err = 0;
	pid_t pid;

	EXPECT_OK(pipe2(fds, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		execve(path, argv, (char *[]){ NULL });
		err = errno;
		if (write(fds[1], &err, sizeof(err)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (read(fds[0], &err, sizeof(err)) < 0)
		err = EIO;
	close(fds[0]);
	EXPECT_OK(waitpid(pid, &status, 0));
	unlink(path);
	return err ? -err : status & ~0x80;
}

static int run_program(const struct program *p)
{
	char *argv[] = { path, NULL };

	put(p, sizeof(*p));
	return run(argv);
}

#define EXITED(n) ((n) << 8)

TEST(loader, smallest_program_runs)
{
	struct program p = good();

	EXPECT_EQ(EXITED(42), run_program(&p));
	p.eh.e_type = ET_DYN;
	p.ph[0].p_vaddr = 0;
	p.eh.e_entry -= BASE;
	EXPECT_EQ(EXITED(42), run_program(&p));
	/* Class and data encoding are not looked at. */
	p = good();
	p.eh.e_ident[EI_DATA] = 0;
	EXPECT_EQ(EXITED(42), run_program(&p));
}

TEST(loader, bad_headers_are_enoexec)
{
	struct program p = good();
	char *argv[] = { path, NULL };

	p.eh.e_ident[1] = 'e';
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_type = ET_REL;
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_machine = EM_AARCH64;
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_phentsize = 32;
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_phnum = 0;
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_phoff = 1 << 20; /* beyond the end */
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	p.eh.e_phnum = 1171; /* more than 64 KiB */
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	put("", 0);
	EXPECT_EQ(-ENOEXEC, run(argv));
	put("\177ELF", 4);
	EXPECT_EQ(-ENOEXEC, run(argv));
	put("just text\n", 10);
	EXPECT_EQ(-ENOEXEC, run(argv));
}

TEST(loader, bad_segments_kill)
{
	struct program p = good();

	p.ph[0].p_memsz = 16; /* less than in the file */
	EXPECT_EQ(SIGSEGV, run_program(&p));
	p = good();
	p.ph[0].p_offset = 8; /* not congruent */
	EXPECT_EQ(SIGSEGV, run_program(&p));
	p = good();
	p.ph[0].p_vaddr = 0xffffffff80000000;
	EXPECT_EQ(SIGSEGV, run_program(&p));
	p = good();
	p.ph[0].p_memsz = 1ull << 62;
	EXPECT_EQ(SIGSEGV, run_program(&p));
	p = good();
	p.eh.e_entry = 0xffff800000000000;
	EXPECT_EQ(SIGSEGV, run_program(&p));
}

static void add_segment(struct program *p, uint64_t vaddr, uint64_t filesz,
			uint64_t memsz, uint32_t flags)
{
	p->ph[p->eh.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_vaddr = vaddr,
		.p_filesz = filesz,
		.p_memsz = memsz,
		.p_align = 4096,
	};
}

TEST(loader, bss_is_zero_and_writable)
{
	/* cmpl $0,(%rdi=bss); jne fail; movl $1,(%rdi); exit(42) */
	static const unsigned char code[] = {
		0xbf, 0xf0, 0x30, 0x00, 0x11,	 /* mov $0x110030f0,%edi */
		0x83, 0x3f, 0x00,		 /* cmpl $0,(%rdi) */
		0x75, 0x12,			 /* jne +18 */
		0xc7, 0x07, 1,	  0,	0,    0, /* movl $1,(%rdi) */
		0xb8, 60,   0,	  0,	0,	 /* mov $60,%eax */
		0xbf, 42,   0,	  0,	0,	 /* mov $42,%edi */
		0x0f, 0x05,			 /* syscall */
		0xf4,				 /* hlt */
	};
	struct program p = good();

	memcpy(p.code, code, sizeof(code));
	add_segment(&p, 0x11000000, 0x100, 0x4000, PF_R | PF_W);
	EXPECT_EQ(EXITED(42), run_program(&p));
	/* Without any file part. */
	p = good();
	memcpy(p.code, code, sizeof(code));
	add_segment(&p, 0x11003000, 0, 0x1000, PF_R | PF_W);
	p.ph[1].p_offset = 3;
	EXPECT_EQ(EXITED(42), run_program(&p));
	/* Behind the file part, in its last page. */
	p = good();
	memcpy(p.code, code, sizeof(code));
	add_segment(&p, 0x11003000, 0x80, 0x200, PF_R | PF_W);
	EXPECT_EQ(EXITED(42), run_program(&p));
}

TEST(loader, overlapping_segments_are_mapped_in_turn)
{
	struct program p = good();

	add_segment(&p, BASE, sizeof(p), sizeof(p), PF_R | PF_X);
	EXPECT_EQ(EXITED(42), run_program(&p));
}

static void set_interp(struct program *p, const char *name, size_t size)
{
	p->ph[p->eh.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_INTERP,
		.p_offset = offsetof(struct program, interp),
		.p_filesz = size,
	};
	snprintf(p->interp, sizeof(p->interp), "%s", name);
}

TEST(loader, interpreter_errors)
{
	struct program p = good();

	set_interp(&p, "/nonexistent/ld.so", 19);
	EXPECT_EQ(-ENOENT, run_program(&p));
	p = good();
	set_interp(&p, "/etc/passwd", 12); /* no execute permission */
	EXPECT_EQ(-EACCES, run_program(&p));
	p = good();
	set_interp(&p, "/tmp", 5);
	EXPECT_EQ(-EACCES, run_program(&p));
	p = good();
	set_interp(&p, "/etc/passwd", 11); /* no NUL */
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	set_interp(&p, "/", 1);
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	p = good();
	set_interp(&p, "/", 4097);
	EXPECT_EQ(-ENOEXEC, run_program(&p));
	/* A bad segment is found after the interpreter. */
	p = good();
	p.ph[0].p_memsz = 16;
	set_interp(&p, "/nonexistent/ld.so", 19);
	EXPECT_EQ(-ENOENT, run_program(&p));
}

TEST(loader, interpreter_that_is_no_elf)
{
	char *argv[] = { path, NULL };
	struct program p = good();
	char script[64], name[80];
	int fd;

	SCRATCH_NAME(script, sizeof(script), "interp");
	fd = EXPECT_OK(open(script, O_CREAT | O_WRONLY, 0755));
	EXPECT_EQ(100, ftruncate(fd, 100) + 100);
	close(fd);
	snprintf(name, sizeof(name), "%s", script);
	set_interp(&p, name, strlen(name) + 1);
	put(&p, sizeof(p));
	EXPECT_EQ(-ELIBBAD, run(argv));
	fd = EXPECT_OK(open(script, O_WRONLY | O_TRUNC));
	close(fd);
	put(&p, sizeof(p));
	EXPECT_EQ(-EIO, run(argv));
	unlink(script);
}

/* --- scripts -------------------------------------------------------------- */

static int run_script(const char *text, char *const argv[])
{
	put(text, strlen(text));
	return run(argv);
}

TEST(loader, script_arguments)
{
	char *argv[] = { "zero", "one", "two words", NULL };

	EXPECT_EQ(EXITED(7), run_script("#!/bin/sh\n"
					"[ \"$#\" = 2 ] && [ \"$1\" = one ] &&"
					" [ \"$2\" = 'two words' ] && exit 7\n",
					argv));
	EXPECT_EQ(EXITED(1), run_script("#!/bin/sh -e\nfalse\nexit 3\n", argv));
	EXPECT_EQ(EXITED(7), run_script("#!  /bin/sh \t -e  \nexit 7\n", argv));
	/* All behind the name is one argument. */
	EXPECT_EQ(EXITED(7),
		  run_script("#!/usr/bin/env -S  sh  -e\nexit 7\n", argv));
}

TEST(loader, script_names_itself_as_given)
{
	char *argv[] = { "other", NULL };
	char text[200];

	SCRATCH_NAME(path, sizeof(path), "test");
	snprintf(text, sizeof(text), "#!/bin/sh\n[ \"$0\" = %s ] && exit 9\n",
		 path);
	EXPECT_EQ(EXITED(9), run_script(text, argv));
}

TEST(loader, script_errors)
{
	char *argv[] = { "x", NULL };
	char line[400];

	EXPECT_EQ(-ENOENT, run_script("#!/nonexistent/sh\n", argv));
	EXPECT_EQ(-EACCES, run_script("#!/etc/passwd\n", argv));
	EXPECT_EQ(-EACCES, run_script("#!/tmp\n", argv));
	EXPECT_EQ(-ENOEXEC, run_script("#!\n", argv));
	EXPECT_EQ(-ENOEXEC, run_script("#!   \n/bin/sh\n", argv));
	EXPECT_EQ(-ENOEXEC, run_script("# !/bin/sh\n", argv));
	memset(line, 'a', sizeof(line));
	memcpy(line, "#!/", 3);
	line[sizeof(line) - 1] = '\0';
	EXPECT_EQ(-ENOEXEC, run_script(line, argv));
}

TEST(loader, script_chains_have_a_limit)
{
	char *argv[] = { "x", NULL };
	char name[8][64], text[128];

	for (int i = 0; i < 8; i++) {
		int fd;

		SCRATCH_NAME(name[i], sizeof(name[i]), "chain-%d", i);
		snprintf(text, sizeof(text), "#!%s\n",
			 i == 0 ? "/bin/true" : name[i - 1]);
		fd = EXPECT_OK(open(name[i], O_CREAT | O_WRONLY, 0755));
		EXPECT_EQ(strlen(text), write(fd, text, strlen(text)));
		close(fd);
	}
	snprintf(path, sizeof(path), "%s", name[5]); /* six scripts */
	EXPECT_EQ(-ELOOP, run(argv));
	snprintf(path, sizeof(path), "%s", name[4]);
	EXPECT_EQ(EXITED(0), run(argv));
	for (int i = 0; i < 8; i++)
		unlink(name[i]);
}

/* --- the stack ------------------------------------------------------------ */

TEST(loader, auxv_is_complete)
{
	const char *file = (const char *)getauxval(AT_EXECFN);
	const unsigned char *r = (const void *)getauxval(AT_RANDOM);
	int sum = 0;

	EXPECT_EQ(4096, getauxval(AT_PAGESZ));
	EXPECT_EQ(100, getauxval(AT_CLKTCK));
	EXPECT_EQ(sizeof(Elf64_Phdr), getauxval(AT_PHENT));
	EXPECT_EQ(getuid(), getauxval(AT_UID));
	EXPECT_EQ(getegid(), getauxval(AT_EGID));
	EXPECT_EQ(0, getauxval(AT_SECURE));
	EXPECT_STR("x86_64", (const char *)getauxval(AT_PLATFORM));
	EXPECT_TRUE(file && file[0]);
	EXPECT_TRUE(getauxval(AT_PHDR) && getauxval(AT_ENTRY));
	EXPECT_TRUE(getauxval(AT_MINSIGSTKSZ) >= 1000);
	EXPECT_TRUE(r);
	for (int i = 0; i < 16; i++)
		sum |= r[i];
	EXPECT_TRUE(sum);
	/* File name, then 8 zero bytes, then the stack's end. */
	EXPECT_EQ(0, ((uintptr_t)file + strlen(file) + 1 + 8) % 4096);
}

TEST(loader, empty_argument_list_becomes_one_empty_string)
{
	char *argv[] = { NULL };

	SCRATCH_NAME(path, sizeof(path), "test");
	EXPECT_EQ(EXITED(5),
		  run_script("#!/bin/sh\n[ $# = 0 ] && exit 5\n", argv));
}

TEST_MAIN
