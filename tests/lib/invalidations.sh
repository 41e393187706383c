# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# How long exporters waited for importers by page frame number, from the events of
# dma_buf_pfn:
#
#	invalidations_start		dma_buf_pfn is loaded
#	... moves ...
#	invalidations_stop		prints their number and the percentiles

INVALIDATIONS=/sys/kernel/tracing/instances/invalidations

invalidations_start()
{
	mkdir $INVALIDATIONS &&
		echo 4096 >$INVALIDATIONS/buffer_size_kb &&
		echo 1 >$INVALIDATIONS/events/dma_buf_pfn/invalidate/enable
}

# Those that found something to take away.
invalidations_stop()
{
	echo 0 >$INVALIDATIONS/tracing_on
	sed -n 's/.*invalidate: .* held=[1-9][0-9]* .* ns=\([0-9]*\)$/\1/p' $INVALIDATIONS/trace |
		sort -n | awk '
		function at(part) { return v[int((NR - 1) * part) + 1] / 1000 }
		{ v[NR] = $1 }
		END { printf "%d invalidations: p50 %.1f us, p99 %.1f us, max %.1f us\n",
			NR, at(0.5), at(0.99), at(1) }'
	rmdir $INVALIDATIONS
}
