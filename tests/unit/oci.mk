unit-tests += test_oci_config
unit-objs-test_oci_config := $(oci-objs)
