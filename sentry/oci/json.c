/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: see the header.
 *
 * Invariant: every size is bounded before anything is allocated for it; no
 *            string with a NUL inside gets out.
 * Tests:     tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include "sentry/oci/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/oci/spec.h"

#define DEPTH_MAX 32 /* of nesting; config.json needs 7 */

/* --- documents ------------------------------------------------------------ */

static void set_error(struct json_error *err, const char *fmt, ...)
	PRINTF(2, 3);

static void set_error(struct json_error *err, const char *fmt, ...)
{
	va_list ap;

	if (err->text[0])
		return;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

/* Where byte @at is, as an editor counts. */
static void find_line(const char *text, size_t at, unsigned int *line,
		      unsigned int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at; i++) {
		++*column;
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		}
	}
}

static bool only_blanks(const char *text, size_t from, size_t size)
{
	while (from < size && strchr(" \t\r\n", text[from]) && text[from])
		from++;
	return from == size;
}

static int parse_with(struct json_tokener *tok, struct json_doc *d,
		      const char *text, size_t size)
{
	enum json_tokener_error e;
	unsigned int line, column;
	size_t end;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_ALLOW_TRAILING_CHARS);
	d->root = json_tokener_parse_ex(tok, text, (int)size);
	e = json_tokener_get_error(tok);
	end = MIN(json_tokener_get_parse_end(tok), size);
	find_line(text, end, &line, &column);
	if (e == json_tokener_continue) {
		set_error(d->err, "the text ends in the middle");
		return -EINVAL;
	}
	if (e != json_tokener_success) {
		set_error(d->err, "line %u, column %u: %s", line, column,
			  json_tokener_error_desc(e));
		return -EINVAL;
	}
	if (!only_blanks(text, end, size)) {
		set_error(d->err,
			  "line %u, column %u: something follows the end", line,
			  column);
		return -EINVAL;
	}
	return 0;
}

int json_doc_parse(struct json_doc *d, const char *text, size_t size,
		   struct json_error *err)
{
	struct json_tokener *tok;
	int ret;

	*d = (struct json_doc){ .err = err };
	err->text[0] = '\0';
	if (size > JSON_TEXT_MAX) {
		set_error(err, "larger than %u bytes", JSON_TEXT_MAX);
		return -EINVAL;
	}
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok) {
		set_error(err, "out of memory");
		return -EINVAL;
	}
	ret = parse_with(tok, d, text, size);
	json_tokener_free(tok);
	if (ret == 0 && !json_object_is_type(d->root, json_type_object)) {
		set_error(err, "an object is expected");
		ret = -EINVAL;
	}
	return ret;
}

void json_doc_free(struct json_doc *d)
{
	json_object_put(d->root);
	d->root = NULL;
}

struct json_node json_top(const struct json_doc *d)
{
	return (struct json_node){ .o = d->root, .err = d->err };
}

/* --- faults --------------------------------------------------------------- */

static size_t print_path(const struct json_node *n, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	if (n->up)
		used = print_path(n->up, buf, size);
	if (used >= size - 1)
		return used;
	if (n->key)
		used += (size_t)snprintf(buf + used, size - used, "%s%.100s",
					 used ? "." : "", n->key);
	else if (n->up)
		used += (size_t)snprintf(buf + used, size - used, "[%zu]",
					 n->index);
	return MIN(used, size - 1);
}

int json_fault(const struct json_node *at, const char *fmt, ...)
{
	char path[256], text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_path(at, path, sizeof(path));
	set_error(at->err, "%s%s%s", path, path[0] ? ": " : "", text);
	return -EINVAL;
}

int json_fault_at(const struct json_node *obj, const char *key, const char *fmt,
		  ...)
{
	struct json_node n = { .up = obj, .key = key, .err = obj->err };
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_fault(&n, "%s", text);
}

static const char *type_name(const struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return "a truth value";
	case json_type_double:
		return "a number with a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "an array";
	case json_type_string:
		return "a string";
	}
	return "something else";
}

/* --- members -------------------------------------------------------------- */

/* 1: *out is the member, of @type; 0: there is none. */
static int member(const struct json_node *obj, const char *key,
		  enum json_type type, const char *expected,
		  struct json_node *out)
{
	struct json_object *o;

	if (!json_object_object_get_ex(obj->o, key, &o) || !o)
		return 0;
	*out = (struct json_node){
		.o = o, .up = obj, .key = key, .err = obj->err
	};
	if (!json_object_is_type(o, type))
		return json_fault(out, "%s is expected, not %s", expected,
				  type_name(o));
	return 1;
}

int json_obj(const struct json_node *obj, const char *key,
	     struct json_node *out)
{
	return member(obj, key, json_type_object, "an object", out);
}

int json_arr(const struct json_node *obj, const char *key,
	     struct json_node *out, uint32_t *nr)
{
	int ret = member(obj, key, json_type_array, "an array", out);

	*nr = 0;
	if (ret <= 0)
		return ret;
	if (json_object_array_length(out->o) > JSON_LIST_MAX)
		return json_fault(out, "more than %u elements", JSON_LIST_MAX);
	*nr = (uint32_t)json_object_array_length(out->o);
	return 1;
}

static struct json_node element(const struct json_node *arr, uint32_t i)
{
	return (struct json_node){
		.o = json_object_array_get_idx(arr->o, i),
		.up = arr,
		.index = i,
		.err = arr->err,
	};
}

int json_item(const struct json_node *arr, uint32_t i, struct json_node *out)
{
	*out = element(arr, i);
	if (!json_object_is_type(out->o, json_type_object))
		return json_fault(out, "an object is expected, not %s",
				  type_name(out->o));
	return 0;
}

static int text_of(const struct json_node *n, const char **out)
{
	const char *text = json_object_get_string(n->o);

	if (!text)
		return json_fault(n, "out of memory");
	if (strlen(text) != (size_t)json_object_get_string_len(n->o))
		return json_fault(n, "a NUL byte in a string");
	*out = text;
	return 0;
}

int json_item_str(const struct json_node *arr, uint32_t i, const char **out)
{
	struct json_node n = element(arr, i);

	if (!json_object_is_type(n.o, json_type_string))
		return json_fault(&n, "a string is expected, not %s",
				  type_name(n.o));
	return text_of(&n, out);
}

int json_item_u32(const struct json_node *arr, uint32_t i, uint32_t *out)
{
	struct json_node n = element(arr, i);

	if (!json_object_is_type(n.o, json_type_int))
		return json_fault(&n, "a whole number is expected, not %s",
				  type_name(n.o));
	if (json_object_get_int64(n.o) < 0 ||
	    json_object_get_uint64(n.o) > UINT32_MAX)
		return json_fault(&n, "not within 0 and %u", UINT32_MAX);
	*out = (uint32_t)json_object_get_uint64(n.o);
	return 0;
}

int json_str(const struct json_node *obj, const char *key, const char **out)
{
	struct json_node n;
	int ret = member(obj, key, json_type_string, "a string", &n);

	return ret <= 0 ? ret : text_of(&n, out);
}

int json_dup(const struct json_node *obj, const char *key, char **out)
{
	const char *text = NULL;
	int ret = json_str(obj, key, &text);

	if (ret == 0 && text) {
		free(*out);
		*out = xstrdup(text);
	}
	return ret;
}

int json_truth(const struct json_node *obj, const char *key, bool *out)
{
	struct json_node n;
	int ret = member(obj, key, json_type_boolean, "a truth value", &n);

	if (ret > 0)
		*out = json_object_get_boolean(n.o);
	return MIN(ret, 0);
}

int json_int(const struct json_node *obj, const char *key, int64_t min,
	     int64_t max, int64_t *out, bool *given)
{
	struct json_node n;
	int ret = member(obj, key, json_type_int, "a whole number", &n);
	int64_t v;

	if (ret <= 0)
		return ret;
	v = json_object_get_int64(n.o);
	if (v < min || v > max ||
	    json_object_get_uint64(n.o) > (uint64_t)MAX(v, (int64_t)0))
		return json_fault(&n, "not within %ld and %ld", (long)min,
				  (long)max);
	*out = v;
	if (given)
		*given = true;
	return 0;
}

int json_u64(const struct json_node *obj, const char *key, uint64_t max,
	     uint64_t *out, bool *given)
{
	struct json_node n;
	int ret = member(obj, key, json_type_int, "a whole number", &n);

	if (ret <= 0)
		return ret;
	if (json_object_get_int64(n.o) < 0 || json_object_get_uint64(n.o) > max)
		return json_fault(&n, "not within 0 and %lu",
				  (unsigned long)max);
	*out = json_object_get_uint64(n.o);
	if (given)
		*given = true;
	return 0;
}

int json_u32(const struct json_node *obj, const char *key, uint32_t *out)
{
	uint64_t v = *out;
	int ret = json_u64(obj, key, UINT32_MAX, &v, NULL);

	*out = (uint32_t)v;
	return ret;
}

int json_strings(const struct json_node *obj, const char *key, char ***out)
{
	struct json_node arr;
	uint32_t nr;
	int ret = json_arr(obj, key, &arr, &nr);
	char **v;

	if (ret <= 0)
		return ret;
	v = xzalloc((nr + 1) * sizeof(*v));
	ret = 0;
	for (uint32_t i = 0; i < nr && ret == 0; i++) {
		const char *text = NULL;

		ret = json_item_str(&arr, i, &text);
		if (ret == 0)
			v[i] = xstrdup(text);
	}
	oci_strings_free(*out);
	*out = v;
	return ret;
}

static int add_pair(const struct json_node *obj, const char *name,
		    struct json_object *value, struct oci_pairs *out)
{
	struct json_node n = {
		.o = value, .up = obj, .key = name, .err = obj->err
	};
	const char *text = "";
	int ret = 0;

	if (!json_object_is_type(value, json_type_string))
		return json_fault(&n, "a string is expected, not %s",
				  type_name(value));
	ret = text_of(&n, &text);
	if (ret == 0)
		out->items[out->nr++] =
			(struct oci_pair){ xstrdup(name), xstrdup(text) };
	return ret;
}

int json_pairs(const struct json_node *obj, const char *key,
	       struct oci_pairs *out)
{
	struct json_object_iterator at, end;
	struct json_node map;
	int ret = json_obj(obj, key, &map);
	int nr;

	if (ret <= 0 || out->items)
		return MIN(ret, 0);
	nr = json_object_object_length(map.o);
	if (nr < 0 || (unsigned int)nr > JSON_LIST_MAX)
		return json_fault(&map, "more than %u members", JSON_LIST_MAX);
	out->items = xzalloc(((size_t)nr + 1) * sizeof(*out->items));
	at = json_object_iter_begin(map.o);
	end = json_object_iter_end(map.o);
	ret = 0;
	while (ret == 0 && !json_object_iter_equal(&at, &end)) {
		ret = add_pair(&map, json_object_iter_peek_name(&at),
			       json_object_iter_peek_value(&at), out);
		json_object_iter_next(&at);
	}
	return ret;
}
