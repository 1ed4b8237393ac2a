/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_keys: /proc/keys, the keys that the reader may view.
 *
 * Tests: tests/conformance/keyring.c
 */
#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/keys.h"

int proc_keys(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	keys_show(current_task(), out);
	return 0;
}
