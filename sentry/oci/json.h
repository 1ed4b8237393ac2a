/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: typed reading of a JSON document, with the path of what is wrong.
 *
 * json-c parses; these look at what it made.  A node knows where it is, so
 * that a fault reads "process.args[1]: a string is expected, not a number".
 * JSON null counts as not there, as for Go programs.
 *
 * Functions that read give 0, or -EINVAL with the text in the document's
 * error; the first fault stays.  What is not there leaves *out as it was.
 */
#ifndef SENTRY_OCI_JSON_H
#define SENTRY_OCI_JSON_H

#include "sentry/lib/compiler.h"

#define JSON_TEXT_MAX (4u << 20) /* bytes of a document */
#define JSON_LIST_MAX 65536u	 /* elements of an array or object */

struct json_object;
struct oci_pairs;

struct json_error {
	char text[512]; /* empty: none */
};

struct json_doc {
	struct json_object *root;
	struct json_error *err;
};
/*
 * Parses @size bytes of @text; the top must be an object.  Free with
 * json_doc_free() in any case.  -EINVAL with *err filled.
 */
MUST_CHECK int json_doc_parse(struct json_doc *d, const char *text, size_t size,
			      struct json_error *err);
void json_doc_free(struct json_doc *d);

/* A value and the way to it; lives on the stack of who reads. */
struct json_node {
	struct json_object *o; /* borrowed from the document */
	const struct json_node *up;
	const char *key; /* NULL: element [index] */
	size_t index;
	struct json_error *err;
};
struct json_node json_top(const struct json_doc *d);

/* Records "PATH: text"; returns -EINVAL. */
int json_fault(const struct json_node *at, const char *fmt, ...) PRINTF(2, 3);
/* The same for member @key of @obj, whatever it is. */
int json_fault_at(const struct json_node *obj, const char *key, const char *fmt,
		  ...) PRINTF(3, 4);

/* 1: member @key is an object (an array) and *out is it; 0: not there. */
MUST_CHECK int json_obj(const struct json_node *obj, const char *key,
			struct json_node *out);
MUST_CHECK int json_arr(const struct json_node *obj, const char *key,
			struct json_node *out, uint32_t *nr);
/* Element @i of an array that must be an object. */
MUST_CHECK int json_item(const struct json_node *arr, uint32_t i,
			 struct json_node *out);
/* Element @i of an array that must be a string: borrowed. */
MUST_CHECK int json_item_str(const struct json_node *arr, uint32_t i,
			     const char **out);
/* Element @i that must be a number of 32 bits. */
MUST_CHECK int json_item_u32(const struct json_node *arr, uint32_t i,
			     uint32_t *out);
/* Members.  A string is borrowed (json_str) or allocated (json_dup). */
MUST_CHECK int json_str(const struct json_node *obj, const char *key,
			const char **out);
MUST_CHECK int json_dup(const struct json_node *obj, const char *key,
			char **out);
MUST_CHECK int json_truth(const struct json_node *obj, const char *key,
			  bool *out);
/* Integers within [@min, @max]; *given may be NULL. */
MUST_CHECK int json_int(const struct json_node *obj, const char *key,
			int64_t min, int64_t max, int64_t *out, bool *given);
MUST_CHECK int json_u64(const struct json_node *obj, const char *key,
			uint64_t max, uint64_t *out, bool *given);
MUST_CHECK int json_u32(const struct json_node *obj, const char *key,
			uint32_t *out);
/* Allocated, NULL-terminated; *out stays if the member is not there. */
MUST_CHECK int json_strings(const struct json_node *obj, const char *key,
			    char ***out);
/* An object of strings. */
MUST_CHECK int json_pairs(const struct json_node *obj, const char *key,
			  struct oci_pairs *out);

#endif
