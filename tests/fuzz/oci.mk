fuzz-targets += fuzz_oci_config
fuzz-objs-fuzz_oci_config := $(oci-objs)
