/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl: access control lists as extended attributes, acl(5).
 */
#ifndef ABI_ACL_H
#define ABI_ACL_H

#include <assert.h>
#include <stdint.h>

#define LINUX_XATTR_ACL_ACCESS	"system.posix_acl_access"
#define LINUX_XATTR_ACL_DEFAULT "system.posix_acl_default"

enum { LINUX_ACL_VERSION = 2 };
enum {
	LINUX_ACL_USER_OBJ = 0x01,
	LINUX_ACL_USER = 0x02,
	LINUX_ACL_GROUP_OBJ = 0x04,
	LINUX_ACL_GROUP = 0x08,
	LINUX_ACL_MASK = 0x10,
	LINUX_ACL_OTHER = 0x20
};

struct linux_acl_entry {
	uint16_t tag, perm;
	uint32_t id; /* of USER and GROUP */
};
static_assert(sizeof(struct linux_acl_entry) == 8, "posix_acl_xattr_entry");

#endif
