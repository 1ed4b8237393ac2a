/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_cpuinfo: /proc/cpuinfo from the CPUID instruction alone, so that no
 * host file is read.  All CPUs are shown alike, as cores of one package.
 *
 * Linux: "bugs" and "power management" are left empty; the frequency is that
 *        of the time-stamp counter.
 * Locks: none; the start values are written before the first guest runs.
 * Tests: tests/conformance/proc.c
 */
#include <cpuid.h>
#include <string.h>
#include <x86intrin.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"
#include "sentry/time/clock.h"

static uint64_t start_tsc, start_ns;

void proc_cpuinfo_start(void)
{
	if (start_ns)
		return;
	start_ns = clock_monotonic();
	start_tsc = __rdtsc();
}

struct leaf {
	uint32_t r[4]; /* eax, ebx, ecx, edx */
};

static struct leaf cpuid(uint32_t leaf, uint32_t sub)
{
	struct leaf l = { 0 };

	if (leaf <= (uint32_t)__get_cpuid_max(leaf & 0x80000000u, NULL))
		__cpuid_count(leaf, sub, l.r[0], l.r[1], l.r[2], l.r[3]);
	return l;
}

enum { EAX, EBX, ECX, EDX };

/* Names of one register's bits, in order, as Linux calls them; "": skipped. */
struct flag_word {
	uint32_t leaf, sub;
	uint8_t reg;
	const char *names[32];
};

static const struct flag_word flag_words[] = {
	{ 1, 0, EDX, { "fpu", "vme",  "de",   "pse",   "tsc", "msr",	 "pae",
		       "mce", "cx8",  "apic", "",      "sep", "mtrr",	 "pge",
		       "mca", "cmov", "pat",  "pse36", "pn",  "clflush", "",
		       "dts", "acpi", "mmx",  "fxsr",  "sse", "sse2",	 "ss",
		       "ht",  "tm",   "ia64", "pbe" } },
	{ 0x80000001,
	  0,
	  EDX,
	  { [11] = "syscall",
	    [19] = "mp",
	    [20] = "nx",
	    [22] = "mmxext",
	    [25] = "fxsr_opt",
	    [26] = "pdpe1gb",
	    [27] = "rdtscp",
	    [29] = "lm",
	    [30] = "3dnowext",
	    [31] = "3dnow" } },
	{ 1,
	  0,
	  ECX,
	  { "pni",    "pclmulqdq", "dtes64", "",       "ds_cpl",
	    "",	      "",	   "est",    "tm2",    "ssse3",
	    "cid",    "sdbg",	   "fma",    "cx16",   "xtpr",
	    "pdcm",   "",	   "pcid",   "dca",    "sse4_1",
	    "sse4_2", "x2apic",	   "movbe",  "popcnt", "tsc_deadline_timer",
	    "aes",    "xsave",	   "",	     "avx",    "f16c",
	    "rdrand", "hypervisor" } },
	{ 0x80000001,
	  0,
	  ECX,
	  { "lahf_lm",
	    "cmp_legacy",
	    "",
	    "extapic",
	    "cr8_legacy",
	    "abm",
	    "sse4a",
	    "misalignsse",
	    "3dnowprefetch",
	    "osvw",
	    "ibs",
	    "xop",
	    "skinit",
	    "wdt",
	    "",
	    "lwp",
	    "fma4",
	    "tce",
	    "",
	    "nodeid_msr",
	    "",
	    "tbm",
	    "topoext",
	    "perfctr_core",
	    "perfctr_nb",
	    "",
	    "bpext",
	    "ptsc",
	    "perfctr_llc",
	    "mwaitx" } },
	{ 7, 0, EBX, { "fsgsbase", "tsc_adjust", "",	     "bmi1",
		       "hle",	   "avx2",	 "",	     "smep",
		       "bmi2",	   "erms",	 "invpcid",  "rtm",
		       "cqm",	   "",		 "mpx",	     "rdt_a",
		       "avx512f",  "avx512dq",	 "rdseed",   "adx",
		       "smap",	   "avx512ifma", "",	     "clflushopt",
		       "clwb",	   "intel_pt",	 "avx512pf", "avx512er",
		       "avx512cd", "sha_ni",	 "avx512bw", "avx512vl" } },
	{ 0xd, 1, EAX, { "xsaveopt", "xsavec", "xgetbv1", "xsaves" } },
	{ 7,
	  1,
	  EAX,
	  { [4] = "avx_vnni",
	    [5] = "avx512_bf16",
	    [21] = "amx_fp16",
	    [23] = "avx_ifma" } },
	{ 0x80000008,
	  0,
	  EBX,
	  { [0] = "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd" } },
	{ 7,
	  0,
	  ECX,
	  { [1] = "avx512vbmi",
	    [2] = "umip",
	    [3] = "pku",
	    [4] = "ospke",
	    [5] = "waitpkg",
	    [6] = "avx512_vbmi2",
	    [8] = "gfni",
	    [9] = "vaes",
	    [10] = "vpclmulqdq",
	    [11] = "avx512_vnni",
	    [12] = "avx512_bitalg",
	    [14] = "avx512_vpopcntdq",
	    [16] = "la57",
	    [22] = "rdpid",
	    [25] = "cldemote",
	    [27] = "movdiri",
	    [28] = "movdir64b" } },
	{ 7,
	  0,
	  EDX,
	  { [2] = "avx512_4vnniw",
	    [3] = "avx512_4fmaps",
	    [4] = "fsrm",
	    [8] = "avx512_vp2intersect",
	    [14] = "serialize",
	    [22] = "amx_bf16",
	    [23] = "avx512_fp16",
	    [24] = "amx_tile",
	    [25] = "amx_int8" } },
};

static void show_flags(struct seq_buf *out)
{
	size_t w;
	int bit;

	seq_printf(out, "flags\t\t:");
	for (w = 0; w < ARRAY_SIZE(flag_words); w++) {
		const struct flag_word *fw = &flag_words[w];
		struct leaf l = cpuid(fw->leaf, fw->sub);

		for (bit = 0; bit < 32; bit++)
			if (l.r[fw->reg] >> bit & 1 && fw->names[bit] &&
			    fw->names[bit][0])
				seq_printf(out, " %s", fw->names[bit]);
	}
	/* What Linux derives: an invariant counter. */
	if (cpuid(0x80000007, 0).r[EDX] >> 8 & 1)
		seq_printf(out, " constant_tsc nonstop_tsc");
	seq_printf(out, " rep_good nopl cpuid\n");
}

struct model {
	char vendor[13], name[49];
	uint32_t family, model, stepping, max_leaf;
	uint32_t cache_kb, clflush, phys_bits, virt_bits;
};

/* The size of the last level of leaf 4 (Intel) or 0x8000001d (AMD), or L2 as
 * AMD's Linux shows it. */
static uint32_t cache_size_kb(const struct model *m)
{
	uint32_t best = 0, i;

	if (strcmp(m->vendor, "AuthenticAMD") == 0)
		return cpuid(0x80000006, 0).r[ECX] >> 16;
	for (i = 0; i < 8; i++) {
		struct leaf l = cpuid(4, i);

		if ((l.r[EAX] & 31) == 0)
			break;
		best = ((l.r[EBX] >> 22) + 1) * ((l.r[EBX] >> 12 & 0x3ff) + 1) *
		       ((l.r[EBX] & 0xfff) + 1) / 1024 * (l.r[ECX] + 1);
	}
	return best;
}

static void read_model(struct model *m)
{
	struct leaf l = cpuid(0, 0);
	uint32_t i, sig;

	memset(m, 0, sizeof(*m));
	m->max_leaf = l.r[EAX];
	memcpy(m->vendor, &l.r[EBX], 4);
	memcpy(m->vendor + 4, &l.r[EDX], 4);
	memcpy(m->vendor + 8, &l.r[ECX], 4);
	for (i = 0; i < 3; i++) {
		l = cpuid(0x80000002 + i, 0);
		memcpy(m->name + i * 16, l.r, 16);
	}
	for (i = sizeof(m->name) - 1; i-- > 0;) { /* trailing blanks */
		if (m->name[i] && m->name[i] != ' ')
			break;
		m->name[i] = '\0';
	}
	sig = cpuid(1, 0).r[EAX];
	m->family = sig >> 8 & 15;
	m->model = sig >> 4 & 15;
	if (m->family == 15)
		m->family += sig >> 20 & 255;
	if (m->family >= 6)
		m->model += (sig >> 16 & 15) << 4;
	m->stepping = sig & 15;
	m->clflush = (cpuid(1, 0).r[EBX] >> 8 & 255) * 8;
	l = cpuid(0x80000008, 0);
	m->phys_bits = l.r[EAX] & 255 ? l.r[EAX] & 255 : 36;
	m->virt_bits = l.r[EAX] >> 8 & 255 ? l.r[EAX] >> 8 & 255 : 48;
	m->cache_kb = cache_size_kb(m);
}

/* The counter's frequency in kHz, measured since start-up. */
static uint64_t tsc_khz(void)
{
	static uint64_t known;
	uint64_t ns = clock_monotonic() - start_ns;
	uint64_t khz = __atomic_load_n(&known, __ATOMIC_RELAXED);

	/* Ten milliseconds give four digits; then it is not measured again. */
	if (khz)
		return khz;
	if (ns < 1000)
		return 0;
	khz = (uint64_t)((double)(__rdtsc() - start_tsc) * 1e6 / (double)ns);
	if (ns > 10000000)
		__atomic_store_n(&known, khz, __ATOMIC_RELAXED);
	return khz;
}

int proc_cpuinfo(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint32_t nr = host_nr_cpus(), i;
	uint64_t khz = tsc_khz();
	struct model m;

	(void)ctx;
	read_model(&m);
	for (i = 0; i < nr; i++) {
		seq_printf(out,
			   "processor\t: %u\nvendor_id\t: %s\n"
			   "cpu family\t: %u\nmodel\t\t: %u\n"
			   "model name\t: %s\nstepping\t: %u\n",
			   i, m.vendor, m.family, m.model,
			   m.name[0] ? m.name : "unknown", m.stepping);
		seq_printf(out, "cpu MHz\t\t: %lu.%03lu\n", khz / 1000,
			   khz % 1000);
		if (m.cache_kb)
			seq_printf(out, "cache size\t: %u KB\n", m.cache_kb);
		seq_printf(out,
			   "physical id\t: 0\nsiblings\t: %u\n"
			   "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n"
			   "initial apicid\t: %u\n",
			   nr, i, nr, i, i);
		seq_printf(out,
			   "fpu\t\t: yes\nfpu_exception\t: yes\n"
			   "cpuid level\t: %u\nwp\t\t: yes\n",
			   m.max_leaf);
		show_flags(out);
		seq_printf(out,
			   "bugs\t\t:\nbogomips\t: %lu.%02lu\n"
			   "clflush size\t: %u\ncache_alignment\t: %u\n",
			   khz / 500, khz / 5 % 100, m.clflush, m.clflush);
		seq_printf(out,
			   "address sizes\t: %u bits physical, %u bits "
			   "virtual\npower management:\n\n",
			   m.phys_bits, m.virt_bits);
	}
	return 0;
}
