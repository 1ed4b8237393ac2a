# sentry/lib: used by every part; no host calls.
lib-objs += sentry/lib/alloc.o
lib-objs += sentry/lib/hash.o
lib-objs += sentry/lib/lock.o
lib-objs += sentry/lib/log.o
lib-objs += sentry/lib/name_set.o
lib-objs += sentry/lib/seq_buf.o
