/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattr: limits and flags of the extended attribute calls, xattr(7).
 */
#ifndef ABI_XATTR_H
#define ABI_XATTR_H

#define LINUX_XATTR_NAME_MAX 255
#define LINUX_XATTR_SIZE_MAX 65536
#define LINUX_XATTR_LIST_MAX 65536
#define LINUX_XATTR_CREATE   1
#define LINUX_XATTR_REPLACE  2

#endif
