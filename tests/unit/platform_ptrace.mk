platform-all := $(patsubst %,platform/%.o,platform order_queue xsave \
	host_limits stub_child stub_filter placement run_clock) \
	$(patsubst %,platform/ptrace/%.o,ptrace template template_child stub \
	filter tracee orders flush vcpu run stop fpu times probe) \
	$(patsubst %,platform/trap/%.o,trap template template_child stub \
	filter pool agent space vcpu run stop fpu times probe spin sites) \
	$(patsubst %,platform/kvm/%.o,kvm machine window phys table space \
	pool vcpu run stop) \
	$(patsubst %,tests/unit/%.o,platform_guest platform_world \
	platform_many platform_suite)
unit-tests += test_platform_ptrace test_platform_trap test_platform_kvm
unit-objs-test_platform_ptrace := $(platform-all)
unit-objs-test_platform_trap := $(platform-all)
unit-objs-test_platform_kvm := $(platform-all)
