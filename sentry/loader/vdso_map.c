/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vdso_map: one copy of the vDSO in the memory file, mapped by every space.
 *
 * Invariant: the range is vvar page, image, and a vvar page that says "ask the
 *            kernel", for time namespaces; it is never freed.  Guests
 *            map the data page shared and read-only, the image privately.
 * Locks:     none; vdso_start() runs before the first program.
 * Tests:     tests/conformance (vdso)
 */
#include "sentry/loader/vdso.h"

#include <errno.h>
#include <string.h>

#include "abi/elf.h"
#include "abi/fcntl.h"
#include "abi/mman.h"
#include "abi/stat.h"
#include "sentry/loader/loader.h"
#include "sentry/mm/memfile.h"
#include "sentry/time/clock_page.h"
#include "sentry/vfs/vfs.h"

extern const char vdso_image_start[] __attribute__((visibility("hidden")));
extern const char vdso_image_end[] __attribute__((visibility("hidden")));

static struct {
	struct file *file;
	uint64_t off;	     /* of the vvar page in the memory file */
	uint64_t image_size; /* page aligned */
	uint64_t rt_sigreturn;
} g_vdso; /* start-up only */

static int vdso_backing(struct file *f, uint64_t off, uint64_t size, bool write,
			struct mmap_backing *out)
{
	uint64_t total = 2 * PAGE_SIZE + g_vdso.image_size;

	(void)f;
	(void)write;
	if (off >= total)
		return -ENXIO; /* SIGBUS, as beyond the end of any file */
	out->kind = BACK_MEMFILE;
	out->fd = -1;
	out->offset = g_vdso.off + off;
	out->size = MIN(size, total - off);
	memfile_get(out->offset, out->size);
	return 0;
}

static const struct file_ops vdso_file_ops = {
	.name = "vdso",
	.mmap_backing = vdso_backing,
};

/* The image is ours: its tables are trusted. */
static uint64_t find_symbol(const char *image, const char *name)
{
	const struct linux_elf64_ehdr *eh = (const void *)image;
	const struct linux_elf64_shdr *sh = (const void *)(image + eh->shoff);

	for (unsigned int i = 0; i < eh->shnum; i++) {
		const struct linux_elf64_sym *sym;
		const char *names;

		if (sh[i].type != LINUX_SHT_DYNSYM)
			continue;
		sym = (const void *)(image + sh[i].offset);
		names = image + sh[sh[i].link].offset;
		for (uint64_t n = sh[i].size / sizeof(*sym); n > 0; n--, sym++)
			if (strcmp(names + sym->name, name) == 0)
				return sym->value;
	}
	return 0;
}

int vdso_start(void)
{
	size_t size = (size_t)(vdso_image_end - vdso_image_start);
	char *at;
	int ret;

	g_vdso.image_size = page_up(size);
	ret = memfile_alloc(2 * PAGE_SIZE + g_vdso.image_size, MEMFILE_NONE, 0,
			    &g_vdso.off, NULL);
	if (ret < 0)
		return ret;
	at = memfile_ptr(g_vdso.off);
	memcpy(at + PAGE_SIZE, vdso_image_start, size);
	g_vdso.rt_sigreturn =
		find_symbol(vdso_image_start, "__kernel_rt_sigreturn");
	clock_publish((struct vvar_data *)at);
	return file_new_anon("anon_inode:[vdso]", &vdso_file_ops, NULL,
			     LINUX_S_IFREG | 0555, LINUX_O_RDONLY,
			     &g_vdso.file);
}

uint64_t vdso_rt_sigreturn_offset(void)
{
	return g_vdso.rt_sigreturn;
}

static int map_vvar(struct mm *mm, uint64_t addr, bool ask)
{
	struct mmap_args args = {
		.addr = addr,
		.size = PAGE_SIZE,
		.prot = LINUX_PROT_READ,
		.flags = LINUX_MAP_SHARED | LINUX_MAP_FIXED,
		.file = g_vdso.file,
		.offset = ask ? PAGE_SIZE + g_vdso.image_size : 0,
		.name = "[vvar]",
	};
	long at = mm_mmap(mm, &args);

	return at < 0 ? (int)at : 0;
}

int vdso_set_asking(struct mm *mm, bool ask)
{
	uint64_t vdso = mm_marks(mm)->vdso;

	/* The program may have put something else there. */
	if (!vdso || !mm_maps_file(mm, vdso - PAGE_SIZE, g_vdso.file))
		return 0;
	return map_vvar(mm, vdso - PAGE_SIZE, ask);
}

int vdso_map(struct mm *mm, bool ask, uint64_t *out)
{
	struct mmap_args args = {
		.size = PAGE_SIZE + g_vdso.image_size,
		.prot = LINUX_PROT_READ | LINUX_PROT_EXEC,
		.flags = LINUX_MAP_PRIVATE,
		.file = g_vdso.file,
		.name = "[vdso]",
	};
	long at = mm_mmap(mm, &args);
	int ret;

	if (at < 0)
		return (int)at;
	ret = map_vvar(mm, (uint64_t)at, ask);
	if (ret < 0)
		return ret;
	*out = (uint64_t)at + PAGE_SIZE;
	return 0;
}
