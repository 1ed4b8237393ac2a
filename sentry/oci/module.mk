# json-c is linked statically (Makefile): its one user is this folder.
oci-objs := sentry/oci/spec.o sentry/oci/json.o sentry/oci/names.o \
	sentry/oci/config.o sentry/oci/config_process.o \
	sentry/oci/config_mounts.o sentry/oci/config_linux.o \
	sentry/oci/config_resources.o sentry/oci/config_seccomp.o \
	sentry/oci/process_codec.o
moat-objs += $(oci-objs)
