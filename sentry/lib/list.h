/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: circular doubly linked list, the node embedded in the element.
 *
 * No locks; a list is guarded by whoever owns its head.  A node that is in no
 * list is initialised to point at itself, so list_del() may be called twice.
 */
#ifndef SENTRY_LIB_LIST_H
#define SENTRY_LIB_LIST_H

#include "sentry/lib/compiler.h"

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_between(struct list *n, struct list *before,
				       struct list *after)
{
	n->prev = before;
	n->next = after;
	before->next = n;
	after->prev = n;
}

/* Adds @n at the front of @head. */
static inline void list_push(struct list *head, struct list *n)
{
	list_insert_between(n, head, head->next);
}

/* Adds @n at the end of @head. */
static inline void list_append(struct list *head, struct list *n)
{
	list_insert_between(n, head->prev, head);
}

/* Removes @n from its list and leaves it initialised. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* Moves all of @from to the end of @to; @from is empty then. */
static inline void list_splice(struct list *from, struct list *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(p, type, mem) container_of(p, type, mem)
#define list_first(head, type, mem) \
	(list_empty(head) ? NULL : list_entry((head)->next, type, mem))
#define list_last(head, type, mem) \
	(list_empty(head) ? NULL : list_entry((head)->prev, type, mem))

#define list_for_each_entry(p, head, mem)                           \
	for ((p) = list_entry((head)->next, __typeof__(*(p)), mem); \
	     &(p)->mem != (head);                                   \
	     (p) = list_entry((p)->mem.next, __typeof__(*(p)), mem))

/* As above, but @p may be removed from the list in the body. */
#define list_for_each_entry_safe(p, tmp, head, mem)                   \
	for ((p) = list_entry((head)->next, __typeof__(*(p)), mem),   \
	    (tmp) = list_entry((p)->mem.next, __typeof__(*(p)), mem); \
	     &(p)->mem != (head); (p) = (tmp),                        \
	    (tmp) = list_entry((tmp)->mem.next, __typeof__(*(p)), mem))

#endif
