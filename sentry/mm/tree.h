/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: libbsd's red-black trees, static and without its dependence on the
 * macro __unused, which glibc's headers cannot live with.
 */
#ifndef SENTRY_MM_TREE_H
#define SENTRY_MM_TREE_H

#include <bsd/sys/tree.h>

#include "sentry/lib/compiler.h"

/* The functions of a tree, for RB_INSERT() and friends, in this file only. */
#define TREE_GENERATE(name, type, field, cmp) \
	RB_GENERATE_INTERNAL(name, type, field, cmp, static UNUSED)

#endif
