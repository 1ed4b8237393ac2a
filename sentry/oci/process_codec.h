/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_codec: a process of a spec as bytes, from `exec` to the sentry.
 *
 * Both ends are one binary on one machine.
 */
#ifndef SENTRY_OCI_PROCESS_CODEC_H
#define SENTRY_OCI_PROCESS_CODEC_H

#include "sentry/lib/seq_buf.h"
#include "sentry/oci/spec.h"

#define OCI_PROCESS_MAX (8u << 20) /* bytes */

/* Appends @p to @out, which tells by .failed that memory is out. */
void oci_process_encode(const struct oci_process *p, struct seq_buf *out);
/* 0 and *p (oci_process_fini() in any case); -EINVAL for what no encode made;
 * -ENOMEM. */
MUST_CHECK int oci_process_decode(const void *data, size_t size,
				  struct oci_process *p);

#endif
