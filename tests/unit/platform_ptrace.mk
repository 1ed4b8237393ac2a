unit-tests += test_platform_ptrace
unit-objs-test_platform_ptrace := platform/platform.o \
	$(patsubst %,platform/ptrace/%.o,ptrace template template_child stub \
	filter tracee orders flush vcpu run stop fpu times placement probe) \
	tests/unit/platform_guest.o tests/unit/platform_world.o \
	tests/unit/platform_many.o
