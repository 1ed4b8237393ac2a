moat-objs += sentry/cmd/main.o
moat-objs += sentry/cmd/run.o
moat-objs += sentry/cmd/run_options.o
moat-objs += sentry/cmd/run_spec.o
moat-objs += sentry/cmd/host/identity.o
moat-objs += sentry/cmd/host/launch.o
moat-objs += sentry/cmd/host/relay.o
moat-objs += sentry/cmd/host/spawn.o
