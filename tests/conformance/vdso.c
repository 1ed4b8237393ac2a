/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO: there, labelled, versioned, read-only data, right answers. */
#include <elf.h>
#include <link.h>
#include <sched.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

struct dyn {
	const char *strings;
	const Elf64_Sym *symbols;
	const Elf64_Versym *versym;
	const uint32_t *hash;
};

static struct dyn dynamic(void)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *eh = (const void *)base;
	struct dyn d = { 0 };

	EXPECT_TRUE(base && memcmp(base, ELFMAG, 4) == 0);
	for (int i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph =
			(const void *)(base + eh->e_phoff + i * sizeof(*ph));
		const Elf64_Dyn *e;

		if (ph->p_type != PT_DYNAMIC)
			continue;
		for (e = (const void *)(base + ph->p_vaddr); e->d_tag; e++) {
			const void *p = base + e->d_un.d_ptr;

			if (e->d_tag == DT_STRTAB)
				d.strings = p;
			else if (e->d_tag == DT_SYMTAB)
				d.symbols = p;
			else if (e->d_tag == DT_VERSYM)
				d.versym = p;
			else if (e->d_tag == DT_HASH)
				d.hash = p;
		}
	}
	return d;
}

static void *lookup(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	struct dyn d = dynamic();

	EXPECT_TRUE(d.strings && d.symbols && d.versym);
	/* Count by DT_HASH; the host's may have only DT_GNU_HASH. */
	for (uint32_t i = 1; i < (d.hash ? d.hash[1] : 64); i++)
		if (strcmp(d.strings + d.symbols[i].st_name, name) == 0)
			return (void *)(base + d.symbols[i].st_value);
	return NULL;
}

TEST(vdso, has_the_known_functions)
{
	if (!dynamic().hash)
		SKIP("the host's vDSO has no DT_HASH");
	EXPECT_TRUE(lookup("__vdso_clock_gettime"));
	EXPECT_TRUE(lookup("__vdso_gettimeofday"));
	EXPECT_TRUE(lookup("__vdso_time"));
	EXPECT_TRUE(lookup("__vdso_getcpu"));
	EXPECT_TRUE(lookup("__vdso_clock_getres"));
	EXPECT_TRUE(lookup("clock_gettime"));
}

static int line_of(const char *label, unsigned long *from, unsigned long *to,
		   char *perms)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	int found = 0;

	EXPECT_TRUE(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, label) &&
			sscanf(line, "%lx-%lx %4s", from, to, perms) == 3;
	fclose(f);
	return found;
}

TEST(vdso, is_labelled_in_maps)
{
	unsigned long from, to;
	char perms[8];

	EXPECT_TRUE(line_of("[vdso]", &from, &to, perms));
	EXPECT_EQ(getauxval(AT_SYSINFO_EHDR), from);
	EXPECT_STR("r-xp", perms);
	EXPECT_TRUE(line_of("[vvar]", &from, &to, perms));
	EXPECT_EQ('r', perms[0]);
	EXPECT_EQ('-', perms[1]);
}

TEST(vdso, data_cannot_be_made_writable)
{
	unsigned long from, to;
	char perms[8];

	EXPECT_TRUE(line_of("[vvar]", &from, &to, perms));
	EXPECT_ERRNO(EACCES,
		     mprotect((void *)from, 4096, PROT_READ | PROT_WRITE));
}

TEST(vdso, getcpu_agrees_with_the_call)
{
	unsigned int a, b, node;

	for (int tries = 0; tries < 100; tries++) {
		a = (unsigned int)EXPECT_OK(sched_getcpu());
		EXPECT_OK(syscall(SYS_getcpu, &b, &node, NULL));
		if (a == b)
			return;
	}
	FAIL("vDSO says CPU %u, the call %u", a, b);
}

TEST_MAIN
