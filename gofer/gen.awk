# SPDX-License-Identifier: Apache-2.0
#
# gen.awk: the gofer protocol's generated files, from gofer/messages.tbl.
#
#   awk -v out=header|codec|dispatch|doc -f gofer/gen.awk gofer/messages.tbl
#
# A message has a fixed part (a packed C struct of its fixed fields and the
# lengths of the variable ones) and then the variable fields in order.

function die(text) {
	printf "messages.tbl:%d: %s\n", NR, text > "/dev/stderr"
	failed = 1
	exit 1
}

function is_fixed(t) {
	return t ~ /^(u32|i32|u64|i64|handle|node)$/
}

function c_type(t) {
	if (t == "u32") return "uint32_t"
	if (t == "i32") return "int32_t"
	if (t == "i64") return "int64_t"
	if (t == "node") return "struct gofer_wire_node"
	return "uint64_t"
}

function fixed_size(t) {
	if (t == "node") return 136
	return t ~ /32$/ ? 4 : 8
}

# The greatest number of bytes that a variable field takes on the wire.
function var_size(t, max) {
	if (t == "name") return 256
	if (t == "names") return 256 * max
	if (t == "text") return max + 1
	if (t == "handles") return 8 * max
	if (t == "nodes") return 136 * max
	return max
}

/^#/ || NF == 0 { next }

$1 == "msg" {
	if ($3 != nr_msgs + 1) die("numbers must follow each other")
	if ($4 != "any" && $4 != "write") die("access: any or write")
	name[++nr_msgs] = $2
	access[nr_msgs] = $4
	next
}
$1 == "doc" { sub(/^doc */, ""); doc[nr_msgs] = doc[nr_msgs] $0 "\n"; next }
$1 == "fds" { fds[nr_msgs] = $2; fd_may[nr_msgs] = $3 == "optional"; next }
$1 == "req" || $1 == "rep" {
	k = nr_msgs SUBSEP $1
	i = ++nr_fields[k]
	type[k, i] = $2
	field[k, i] = $3
	max[k, i] = $2 == "name" ? 255 : $4
	if (is_fixed($2)) {
		if (has_var[k]) die("fixed fields come first")
		s = fixed_size($2)
		if (s > 4 && at[k] % 8) die($3 " is not aligned")
		at[k] += s
	} else {
		if ($2 !~ /^(name|names|text|bytes|handles|nodes)$/)
			die("unknown type " $2)
		has_var[k] = 1
		var_max[k] += var_size($2, max[k, i])
	}
	next
}
{ die("unknown line") }

# --- the header ---

function put_wire(k, what, i, n) {
	printf "struct gofer_%s_wire {\n", what
	n = 0
	for (i = 1; i <= nr_fields[k]; i++) {
		if (is_fixed(type[k, i]))
			printf "\t%s %s;\n", c_type(type[k, i]), field[k, i]
		else
			printf "\tuint32_t nr_%s;\n", field[k, i]
		n += is_fixed(type[k, i]) ? fixed_size(type[k, i]) : 4
	}
	if (n == 0)
		printf "\tuint32_t pad_;\n"
	if (n % 8)
		printf "\tuint32_t tail_pad_;\n"
	print "};"
}

function put_decoded(k, what, i, t) {
	printf "struct gofer_%s {\n", what
	for (i = 1; i <= nr_fields[k]; i++) {
		t = type[k, i]
		if (is_fixed(t)) {
			printf "\t%s %s;\n", c_type(t), field[k, i]
		} else if (t == "names") {
			printf "\tuint32_t nr_%s;\n", field[k, i]
			printf "\tstruct gofer_str %s[%d];\n", field[k, i], max[k, i]
		} else if (t == "handles") {
			printf "\tuint32_t nr_%s;\n", field[k, i]
			printf "\tuint64_t %s[%d];\n", field[k, i], max[k, i]
		} else if (t == "nodes") {
			printf "\tuint32_t nr_%s;\n", field[k, i]
			printf "\tstruct gofer_wire_node %s[%d];\n", field[k, i], max[k, i]
		} else {
			printf "\tstruct gofer_str %s;\n", field[k, i]
		}
	}
	if (nr_fields[k] == 0)
		print "\tuint32_t pad_;"
	print "};"
	printf "MUST_CHECK long gofer_%s_encode(void *buf, size_t cap,\n", what
	printf "\tconst struct gofer_%s *m);\n", what
	printf "MUST_CHECK int gofer_%s_decode(const void *buf, size_t size,\n", what
	printf "\tstruct gofer_%s *m);\n\n", what
}

function put_header(i) {
	print "/* Generated from gofer/messages.tbl by gofer/gen.awk. */"
	print "#ifndef GOFER_MESSAGES_H\n#define GOFER_MESSAGES_H\n"
	print "#include \"gofer_proto.h\"\n"
	print "enum gofer_op {"
	for (i = 1; i <= nr_msgs; i++)
		printf "\tGOFER_OP_%s = %d,\n", toupper(name[i]), i
	print "\tGOFER_OP_END\n};\n"
	print "/*"
	print " * encode: bytes written, -EINVAL or -ENAMETOOLONG for a value that"
	print " * must not be sent, -EMSGSIZE beyond @cap.  decode: 0 with *m"
	print " * pointing into @buf (a private copy), or -EPROTO."
	print " */"
	for (i = 1; i <= nr_msgs; i++) {
		put_decoded(i SUBSEP "req", name[i] "_req")
		put_decoded(i SUBSEP "rep", name[i] "_rep")
	}
	print "/* The number of descriptors that come with a good answer. */"
	print "unsigned int gofer_op_fds(uint32_t op);"
	print "/* May a good answer come without its descriptor? */"
	print "bool gofer_op_fd_optional(uint32_t op);"
	print "/* Lower case name, or \"?\". */"
	print "const char *gofer_op_name(uint32_t op);"
	print "/* The longest request of a kind, 0 for an unknown one. */"
	print "size_t gofer_op_max_request(uint32_t op);"
	print "/* Decodes a request only to see whether it is well formed. */"
	print "MUST_CHECK int gofer_request_check(uint32_t op, const void *buf,"
	print "\tsize_t size);"
	print "\n#endif"
}

# --- the codec ---

function put_encode(k, what, i, t, f) {
	printf "\nlong gofer_%s_encode(void *buf, size_t cap,\n", what
	printf "\tconst struct gofer_%s *m)\n{\n", what
	printf "\tstruct gofer_%s_wire w = { 0 };\n", what
	print "\tstruct writer o = { buf, cap, sizeof(w), 0 };\n"
	for (i = 1; i <= nr_fields[k]; i++) {
		t = type[k, i]
		f = field[k, i]
		if (is_fixed(t)) {
			printf "\tw.%s = m->%s;\n", f, f
		} else if (t == "name" || t == "text" || t == "bytes") {
			printf "\tw.nr_%s = put_%s(&o, &m->%s, %d);\n", f, t, f, max[k, i]
		} else {
			printf "\tw.nr_%s = put_%s(&o, m->%s, m->nr_%s, %d);\n", \
				f, t, f, f, max[k, i]
		}
	}
	if (nr_fields[k] == 0)
		print "\t(void)m;"
	print "\treturn finish(&o, &w, sizeof(w));\n}"
}

function put_decode(k, what, i, t, f) {
	printf "\nint gofer_%s_decode(const void *buf, size_t size,\n", what
	printf "\tstruct gofer_%s *m)\n{\n", what
	printf "\tstruct gofer_%s_wire w;\n", what
	print "\tstruct reader r = { buf, size, sizeof(w), 0 };\n"
	print "\tif (size < sizeof(w))\n\t\treturn -EPROTO;"
	print "\tmemcpy(&w, buf, sizeof(w));"
	for (i = 1; i <= nr_fields[k]; i++) {
		t = type[k, i]
		f = field[k, i]
		if (is_fixed(t)) {
			printf "\tm->%s = w.%s;\n", f, f
		} else if (t == "name" || t == "text" || t == "bytes") {
			printf "\tget_%s(&r, &m->%s, w.nr_%s, %d);\n", t, f, f, max[k, i]
		} else {
			printf "\tm->nr_%s = w.nr_%s;\n", f, f
			printf "\tget_%s(&r, m->%s, w.nr_%s, %d);\n", t, f, f, max[k, i]
		}
	}
	if (nr_fields[k] == 0)
		print "\t(void)m;"
	print "\treturn all_read(&r);\n}"
}

function put_codec(i, k) {
	print "/* Generated from gofer/messages.tbl by gofer/gen.awk. */"
	print "#include \"gofer_messages.h\"\n"
	print "#include <errno.h>\n#include <string.h>\n"
	print "#include \"gofer/codec_fields.h\"\n"
	for (i = 1; i <= nr_msgs; i++) {
		put_wire(i SUBSEP "req", name[i] "_req")
		put_wire(i SUBSEP "rep", name[i] "_rep")
	}
	for (i = 1; i <= nr_msgs; i++) {
		put_encode(i SUBSEP "req", name[i] "_req")
		put_decode(i SUBSEP "req", name[i] "_req")
		put_encode(i SUBSEP "rep", name[i] "_rep")
		put_decode(i SUBSEP "rep", name[i] "_rep")
	}
	print "\nstatic const struct {\n\tconst char *name;"
	print "\tuint32_t max_request, nr_fds;\n\tbool fd_optional;"
	print "} g_ops[GOFER_OP_END] = {"
	print "\t[0] = { \"?\", 0, 0, false },"
	for (i = 1; i <= nr_msgs; i++) {
		k = i SUBSEP "req"
		printf "\t[%d] = { \"%s\", sizeof(struct gofer_%s_req_wire) + %d, %d, %s },\n", \
			i, name[i], name[i], var_max[k], fds[i], \
			fd_may[i] ? "true" : "false"
	}
	print "};"
	for (i = 1; i <= nr_msgs; i++) {
		printf "static_assert(sizeof(struct gofer_%s_req_wire) + %d <= GOFER_DATA_SIZE, \"fits\");\n", \
			name[i], var_max[i SUBSEP "req"]
		printf "static_assert(sizeof(struct gofer_%s_rep_wire) + %d <= GOFER_DATA_SIZE, \"fits\");\n", \
			name[i], var_max[i SUBSEP "rep"]
	}
	print "\nunsigned int gofer_op_fds(uint32_t op)\n{"
	print "\treturn op < GOFER_OP_END ? g_ops[op].nr_fds : 0;\n}"
	print "\nbool gofer_op_fd_optional(uint32_t op)\n{"
	print "\treturn op < GOFER_OP_END && g_ops[op].fd_optional;\n}"
	print "\nconst char *gofer_op_name(uint32_t op)\n{"
	print "\treturn op < GOFER_OP_END ? g_ops[op].name : \"?\";\n}"
	print "\nsize_t gofer_op_max_request(uint32_t op)\n{"
	print "\treturn op < GOFER_OP_END ? g_ops[op].max_request : 0;\n}"
	print "\nint gofer_request_check(uint32_t op, const void *buf, size_t size)\n{"
	print "\tunion {"
	for (i = 1; i <= nr_msgs; i++)
		printf "\t\tstruct gofer_%s_req %s;\n", name[i], name[i]
	print "\t} m;\n\n\tswitch (op) {"
	for (i = 1; i <= nr_msgs; i++) {
		printf "\tcase GOFER_OP_%s:\n", toupper(name[i])
		printf "\t\treturn gofer_%s_req_decode(buf, size, &m.%s);\n", name[i], name[i]
	}
	print "\t}\n\treturn -EPROTO;\n}"
}

# --- the gofer's dispatch ---

function put_dispatch(i, n) {
	print "/* Generated from gofer/messages.tbl by gofer/gen.awk. */"
	print "#include \"gofer/dispatch.h\"\n"
	print "#include <errno.h>\n"
	for (i = 1; i <= nr_msgs; i++) {
		n = name[i]
		printf "\nstatic long call_%s(struct session *s, const void *in, size_t size,\n", n
		print "\tvoid *out, size_t cap)\n{"
		printf "\tstruct gofer_%s_req req;\n", n
		printf "\tstruct gofer_%s_rep rep = { 0 };\n", n
		print "\tint ret;\n"
		printf "\tif (gofer_%s_req_decode(in, size, &req) < 0)\n", n
		print "\t\treturn DISPATCH_MALFORMED;"
		printf "\tret = gofer_do_%s(s, &req, &rep);\n", n
		printf "\treturn ret < 0 ? ret : gofer_%s_rep_encode(out, cap, &rep);\n}\n", n
	}
	print "\nconst struct dispatch_entry g_dispatch[GOFER_OP_END] = {"
	for (i = 1; i <= nr_msgs; i++)
		printf "\t[GOFER_OP_%s] = { call_%s, %s },\n", toupper(name[i]), \
			name[i], access[i] == "write" ? "true" : "false"
	print "};"
}

function put_handlers(i, n) {
	print "/* Generated from gofer/messages.tbl by gofer/gen.awk. */"
	print "#ifndef GOFER_HANDLERS_H\n#define GOFER_HANDLERS_H\n"
	print "#include \"gofer_messages.h\"\n"
	print "struct session;\n"
	print "/* One a message: 0 with *rep filled, or -errno with nothing left behind. */"
	for (i = 1; i <= nr_msgs; i++) {
		n = name[i]
		printf "MUST_CHECK int gofer_do_%s(struct session *s,\n", n
		printf "\tconst struct gofer_%s_req *req, struct gofer_%s_rep *rep);\n", n, n
	}
	print "\n#endif"
}

# --- the page ---

function put_fields(k, title, i, t) {
	if (nr_fields[k] == 0) {
		printf "%s: nothing.\n\n", title
		return
	}
	printf "%s:", title
	for (i = 1; i <= nr_fields[k]; i++) {
		t = type[k, i]
		printf "%s `%s` %s", (i > 1 ? "," : ""), field[k, i], t
		if (!is_fixed(t) && t != "name")
			printf "(%d)", max[k, i]
	}
	print ".\n"
}

function put_doc(i) {
	while ((getline line < intro) > 0)
		print line
	for (i = 1; i <= nr_msgs; i++) {
		printf "%s### %d %s%s\n\n", (i == 1 ? "\n" : ""), i, name[i], \
			access[i] == "write" ? " (writable exports only)" : ""
		printf "%s\n", doc[i]
		put_fields(i SUBSEP "req", "Request")
		put_fields(i SUBSEP "rep", "Answer")
		if (fds[i])
			print (fd_may[i] ? "One descriptor may come" : \
				"One descriptor comes") " with the answer.\n"
	}
}

END {
	if (failed) exit 1
	if (out == "header") put_header()
	else if (out == "codec") put_codec()
	else if (out == "dispatch") put_dispatch()
	else if (out == "handlers") put_handlers()
	else if (out == "doc") put_doc()
}
