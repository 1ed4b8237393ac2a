/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: the virtual machine and its processors, made before the sentry's
 * filter closes; and whether this host can have one.
 *
 * Tests: tests/unit/test_platform_kvm.c, tests/hostile/platforms.sh
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

#define API_VERSION 12
#define SYNC_NEEDED (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS)
#define MIN_HW	    8u
#define MSR_STAR    0xc0000081
#define MSR_LSTAR   0xc0000082
#define MSR_CSTAR   0xc0000083
#define MSR_SFMASK  0xc0000084
/* What Linux clears, and more: all but IOPL. */
#define SFMASK		    0x257fd5
#define CPUID_VMX	    (1u << 5)
#define CPUID_SVM	    (1u << 2)
#define HWCAP2_FSGSBASE_BIT 2
#define MAX_CPUID	    256
#define HW_FDS		    512 /* descriptors of processors from here on */

#ifndef KVM_VCPU_TSC_CTRL
#define KVM_VCPU_TSC_CTRL   0
#define KVM_VCPU_TSC_OFFSET 0
#endif

int kvm_open_device(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* --- may it be? --------------------------------------------------------- */

static const struct {
	int cap;
	int at_least;
} g_needed[] = {
	{ KVM_CAP_USER_MEMORY, 1 },    { KVM_CAP_SYNC_REGS, SYNC_NEEDED },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 }, { KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_XCRS, 1 },	       { KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },    { KVM_CAP_NR_MEMSLOTS, 32 },
	{ KVM_CAP_MAX_VCPUS, MIN_HW },
};

static bool can_all(int dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_needed); i++) {
		int has = (int)kvm_ioctl(dev, KVM_CHECK_EXTENSION,
					 (void *)(uintptr_t)g_needed[i].cap);

		if (has < g_needed[i].at_least)
			return false;
	}
	return true;
}

/* Names the step that failed, for the log. */
static long step(const char *what, long ret)
{
	if (ret < 0)
		log_error("kvm: %s: error %ld", what, -ret);
	return ret;
}

/* KVM's cpuid of this host, allocated; NULL if there is none. */
static struct kvm_cpuid2 *read_cpuid(int dev)
{
	AUTO_FREE struct kvm_cpuid2 *c =
		kzalloc(sizeof(*c) + MAX_CPUID * sizeof(c->entries[0]));

	if (!c)
		return NULL;
	c->nent = MAX_CPUID;
	if (step("CPUID", kvm_ioctl(dev, KVM_GET_SUPPORTED_CPUID, c)) < 0)
		return NULL;
	return take(c);
}

static const struct kvm_cpuid_entry2 *find_leaf(const struct kvm_cpuid2 *c,
						uint32_t leaf)
{
	for (uint32_t i = 0; i < MIN(c->nent, (uint32_t)MAX_CPUID); i++)
		if (c->entries[i].function == leaf && c->entries[i].index == 0)
			return &c->entries[i];
	return NULL;
}

static int probe_device(int dev, const char **why)
{
	struct platform_limits l;
	long vm;

	if (kvm_ioctl(dev, KVM_GET_API_VERSION, NULL) != API_VERSION ||
	    !can_all(dev)) {
		*why = "the host's KVM is too old (Linux 4.17 or later is "
		       "needed): use another platform";
		return -ENOSYS;
	}
	if (!xsave_present() || !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) ||
	    (xsave_limits(&l), l.xsave_size) > sizeof(struct kvm_xsave)) {
		*why = "the CPU or the host kernel has no FSGSBASE, or an "
		       "XSAVE state that is too large: use another platform";
		return -ENODEV;
	}
	vm = kvm_ioctl(dev, KVM_CREATE_VM, NULL);
	if (vm < 0) {
		*why = "KVM makes no virtual machine: another hypervisor may "
		       "hold the CPU, or memory is short";
		return (int)vm;
	}
	close((int)vm);
	return 0;
}

int kvm_probe(const char **why)
{
	int dev = kvm_open_device(), ret;

	if (dev == -EACCES || dev == -EPERM) {
		*why = "no permission for /dev/kvm: join the group that owns "
		       "it, or run as root";
		return dev;
	}
	if (dev < 0) {
		*why = "there is no /dev/kvm: load the kvm module, or enable "
		       "virtualisation in the firmware";
		return dev;
	}
	ret = probe_device(dev, why);
	close(dev);
	return ret;
}

/* What hypervisors emulate for us they do not show. */
bool kvm_is_slow(const char **why)
{
	uint32_t a, b, c, d;
	bool vmx, svm;

	vmx = __get_cpuid(1, &a, &b, &c, &d) && (c & CPUID_VMX);
	svm = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & CPUID_SVM);
	*why = "the CPU has neither VT-x nor AMD-V, KVM does without: exits "
	       "are slow";
	return !vmx && !svm;
}

/* --- processors --------------------------------------------------------- */

static long set_msrs(const struct hw *hw)
{
	static const struct kvm_msr_entry wanted[] = {
		{ .index = MSR_STAR,
		  .data = (uint64_t)KVM_USER32_CS << 48 | (uint64_t)KVM_RING0_CS
								  << 32 },
		{ .index = MSR_LSTAR, .data = WINDOW_ENTRY },
		{ .index = MSR_CSTAR, .data = WINDOW_ENTRY32 },
		{ .index = MSR_SFMASK, .data = SFMASK },
	};
	AUTO_FREE struct kvm_msrs *m = kzalloc(sizeof(*m) + sizeof(wanted));
	long ret;

	if (!m)
		return -ENOMEM;
	m->nmsrs = ARRAY_SIZE(wanted);
	memcpy(m->entries, wanted, sizeof(wanted));
	ret = kvm_ioctl(hw->fd, KVM_SET_MSRS, m);
	return ret < 0 ? ret : ret == ARRAY_SIZE(wanted) ? 0 : -EIO;
}

/* The guest's counter is the host's: the vDSO's data are in its units. */
static void set_tsc(const struct hw *hw)
{
	uint64_t zero = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&zero,
	};

	if (kvm_ioctl(hw->fd, KVM_SET_DEVICE_ATTR, &attr) < 0)
		log_warning("kvm: the host (older than 5.16) cannot set the "
			    "offset of the guest's time counter: clocks may be "
			    "off");
}

static long hw_setup(struct platform *p, struct hw *hw,
		     const struct kvm_cpuid2 *cpuid)
{
	struct kvm_sregs s = { 0 };
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	long ret = step("CPUID", kvm_ioctl(hw->fd, KVM_SET_CPUID2, cpuid));

	if (ret == 0)
		ret = step("system registers",
			   kvm_ioctl(hw->fd, KVM_GET_SREGS, &s));
	if (ret < 0)
		return ret;
	p->sregs.apic_base = s.apic_base;
	s = p->sregs;
	s.tr.base = hw->stack_addr;
	ret = step("system registers", kvm_ioctl(hw->fd, KVM_SET_SREGS, &s));
	xcrs.xcrs[0].value = p->limits.xcr0;
	if (ret == 0)
		ret = step("XCR0", kvm_ioctl(hw->fd, KVM_SET_XCRS, &xcrs));
	if (ret == 0)
		ret = step("MSRs", set_msrs(hw));
	if (ret < 0)
		return ret;
	set_tsc(hw);
	hw->run->s.regs.sregs = s;
	hw->run->kvm_valid_regs = SYNC_NEEDED;
	return 0;
}

static int hw_new(struct platform *p, struct hw *hw, uint32_t nr,
		  size_t run_size)
{
	long fd = kvm_ioctl(p->vm_fd, KVM_CREATE_VCPU, (void *)(uintptr_t)nr);

	if (fd < 0)
		return (int)fd;
	/* Side by side, so that the filter can name them all at once. */
	hw->fd = fcntl((int)fd, F_DUPFD_CLOEXEC, HW_FDS + (int)nr);
	close((int)fd);
	if (hw->fd != HW_FDS + (int)nr)
		return -EMFILE;
	hw->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       hw->fd, 0);
	return hw->run == MAP_FAILED ? -errno : 0;
}

static int make_hw(struct platform *p, uint32_t nr_cpus)
{
	long size = kvm_ioctl(p->dev_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	long max = kvm_ioctl(p->vm_fd, KVM_CHECK_EXTENSION,
			     (void *)KVM_CAP_MAX_VCPUS);
	int ret = size < (long)sizeof(struct kvm_run) ? -EIO : 0;

	p->pool.nr = (uint32_t)MIN((uint64_t)max, MAX(MIN_HW, 2ull * nr_cpus));
	p->pool.nr = MIN(p->pool.nr, (uint32_t)WINDOW_MAX_HW);
	p->pool.hw = kzalloc(p->pool.nr * sizeof(*p->pool.hw));
	if (!p->pool.hw)
		return -ENOMEM;
	for (uint32_t i = 0; ret == 0 && i < p->pool.nr; i++)
		ret = hw_new(p, &p->pool.hw[i], i, (size_t)size);
	return ret;
}

static void add_ioctl(struct platform *p, uint64_t mask, int value,
		      unsigned long request, const char *why)
{
	p->ioctls[p->nr_ioctls++] = (struct platform_ioctl){
		.fd_mask = mask,
		.fd_value = (uint64_t)value,
		.request = request,
		.why = why,
	};
}

static void list_ioctls(struct platform *p)
{
	static const struct {
		unsigned long request;
		const char *why;
	} of_hw[] = {
		{ KVM_RUN, "run guest code" },
		{ KVM_GET_XSAVE, "its FPU state" },
		{ KVM_SET_XSAVE, "its FPU state" },
		{ KVM_GET_VCPU_EVENTS, "what a signal has held back" },
		{ KVM_SET_VCPU_EVENTS, "taking that away" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(of_hw); i++)
		add_ioctl(p, ~(uint64_t)(WINDOW_MAX_HW - 1), HW_FDS,
			  of_hw[i].request, of_hw[i].why);
	add_ioctl(p, ~0ull, p->vm_fd, KVM_SET_USER_MEMORY_REGION,
		  "memory of the machine");
}

/* State components that the machine can have; two are always there. */
static uint64_t supported_xcr0(const struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *e = find_leaf(c, 0xd);

	return e ? e->eax | (uint64_t)e->edx << 32 | 3 : 3;
}

static uint32_t phys_bits(const struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *e = find_leaf(c, 0x80000008);

	return e ? MAX(e->eax & 0xff, 36u) : 36;
}

int machine_start(struct platform *p, uint32_t nr_cpus)
{
	AUTO_FREE struct kvm_cpuid2 *cpuid = read_cpuid(p->dev_fd);
	long ret, khz;

	if (!cpuid)
		return -ENOMEM;
	xsave_restrict(&p->limits, supported_xcr0(cpuid));
	ret = kvm_ioctl(p->dev_fd, KVM_CREATE_VM, NULL);
	if (ret < 0)
		return (int)ret;
	p->vm_fd = (int)ret;
	ret = step("processors", make_hw(p, nr_cpus));
	if (ret == 0)
		ret = step("memory", phys_start(p, p->vm_fd, p->phys.memory_fd,
						phys_bits(cpuid)));
	if (ret == 0)
		ret = step("first pages", window_start(p));
	for (uint32_t i = 0; ret == 0 && i < p->pool.nr; i++)
		ret = hw_setup(p, &p->pool.hw[i], cpuid);
	if (ret == 0)
		ret = window_measure(p);
	if (ret < 0)
		return (int)ret;
	khz = kvm_ioctl(p->pool.hw[0].fd, KVM_GET_TSC_KHZ, NULL);
	p->tsc_khz = khz > 0 ? (uint32_t)khz : 1000000;
	hw_pool_start(&p->pool);
	list_ioctls(p);
	return 0;
}
