/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_oci_config: any bytes as config.json, as a process, and as an encoded
 * process: no crash, no leak; what was refused has a reason; what was read can
 * be written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "sentry/oci/config.h"
#include "sentry/oci/process_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct oci_process *p)
{
	struct oci_process again;
	struct seq_buf s = { 0 };

	oci_process_encode(p, &s);
	if (!s.failed && oci_process_decode(s.data, s.len, &again) != 0)
		abort();
	oci_process_fini(&again);
	seq_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct oci_spec spec = { 0 };
	struct oci_process p = { 0 };
	struct json_error err = { 0 };

	if (oci_config_parse(text, size, "/bundle", &spec, &err) < 0) {
		if (!err.text[0])
			abort();
	} else {
		round_trip(&spec.process);
	}
	oci_spec_fini(&spec);
	if (oci_process_parse(text, size, &p, &err) == 0)
		round_trip(&p);
	oci_process_fini(&p);
	if (oci_process_decode(data, size, &p) == 0)
		round_trip(&p);
	oci_process_fini(&p);
	return 0;
}
