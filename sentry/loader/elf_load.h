/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_load: puts a parsed ELF file into an address space.
 */
#ifndef SENTRY_LOADER_ELF_LOAD_H
#define SENTRY_LOADER_ELF_LOAD_H

#include "sentry/loader/elf.h"
#include "sentry/mm/mm.h"

enum elf_place {
	ELF_PLACE_MAIN,	  /* a program with an interpreter */
	ELF_PLACE_STATIC, /* a program without */
	ELF_PLACE_INTERP,
};

/*
 * Reads header and tables of @file.  Returns: 0 (elf_fini() it); the file's
 * error; what is no ELF file for us: -ENOEXEC, of an interpreter -ELIBBAD, and
 * -EIO if it is shorter than a header.
 */
MUST_CHECK int elf_read(struct file *file, bool interp, struct elf_image *img);
/*
 * Maps all segments of @img.  *out_bias is what was added to its addresses.
 * Returns: 0; -ENOMEM, -EEXIST, -EINVAL, -EPERM, -EFAULT as Linux's mappings;
 * the space is half filled then.
 */
MUST_CHECK int elf_map(struct mm *mm, struct file *file,
		       const struct elf_image *img, enum elf_place place,
		       uint64_t *out_bias);

#endif
