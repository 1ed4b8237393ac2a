moat-objs += sentry/fs/cgroup/cgroup_ctl.o
moat-objs += sentry/fs/cgroup/cgroupfs.o
