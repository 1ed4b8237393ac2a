moat-objs += sentry/oci/spec.o
