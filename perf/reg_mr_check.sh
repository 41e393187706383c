#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does ib_reg_mr_lat tell the truth? Its medians beside those of somebody else who
# times the same system calls: the kernel's trace events. Status 1 unless they agree
# within 10 %.
#
# ib_reg_mr_lat times the library's call, the other one what is inside of the kernel.
# What lies between (libibverbs, the way into the kernel and back, and what tracing adds
# to it) is the same for each call: it is measured by both on ibv_alloc_pd(), which does
# next to nothing else, and taken off.
#
#	./vm run perf/reg_mr_check.sh
#	./vm --kernel uml run perf/reg_mr_check.sh

# shellcheck source=tests/lib/topology.sh
. "$PRXE_TESTS/lib/topology.sh"

readonly N=100 TRACE=/sys/kernel/tracing IOCTL=16 RDMA_VERBS_IOCTL=c0181b01
bad=0

# median < numbers
median()
{
	sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# by_events COMMAND...: run it; microseconds of each of its ioctls in "durations"
by_events()
{
	echo 0 >$TRACE/tracing_on
	echo >$TRACE/trace
	echo mono >$TRACE/trace_clock
	echo 1 >$TRACE/options/event-fork
	echo "id == $IOCTL" >$TRACE/events/raw_syscalls/filter
	echo 1 >$TRACE/events/raw_syscalls/enable
	echo $BASHPID >$TRACE/set_event_pid
	echo 1 >$TRACE/tracing_on
	"$@" || return 1
	echo 0 >$TRACE/tracing_on
	# "ib_reg_mr_lat-123 [000] ..... 12.345678: sys_enter: NR 16 (5, c0181b01, ...)"
	awk -v verbs="$RDMA_VERBS_IOCTL," '!/(ib_reg_mr_lat|bench_limits)-/ { next }
	     { at = ""; for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+\.[0-9]+:$/) at = $i + 0 }
	     /sys_enter:/ && $(NF - 4) == verbs { begun[$1] = at }
	     /sys_exit:/ && $1 in begun { print (at - begun[$1]) * 1e6; delete begun[$1] }' $TRACE/trace >durations
	echo 0 >$TRACE/events/raw_syscalls/enable
	echo 0 >$TRACE/events/raw_syscalls/filter
	echo >$TRACE/set_event_pid
	echo 0 >$TRACE/options/event-fork
	echo local >$TRACE/trace_clock
}

# measured PARITY: the median of every second of the ioctls that were measured. Behind
# them come the region that the driver is asked about, and two protection domains.
measured()
{
	tail -n $((2 * N + 4)) durations | head -n $((2 * N)) |
		awk -v parity="$1" 'NR % 2 == parity' | median
}

# field NAME < JSON: a number
field() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p"; }

# way_in: microseconds of ibv_alloc_pd() beside its system call
way_in()
{
	local clock

	# of the clock that ib_reg_mr_lat takes off, which is traced as well
	by_events ib_reg_mr_lat -d prxeA -n 5 -s 4k --json=json >/dev/null || return 1
	clock=$(field clock_cost <json)
	by_events "$PRXE_BIN/bench_limits" alloc_pd prxeA $N >limits || return 1
	tail -n $((2 * N)) durations | awk 'NR % 2' | median |
		awk -v ours="$(field typical <limits)" -v clock="$clock" '{ print ours - clock - $1 }'
}

# compare SIZE
compare()
{
	local size=$1 op ours theirs

	by_events ib_reg_mr_lat -d prxeA -n $N -s "$size" --csv=csv >/dev/null || exit 1
	for op in 1:register 0:deregister; do
		ours=$(awk -F, -v op="${op#*:}" '$6 == op { print $9 }' csv)
		theirs=$(measured "${op%:*}")
		awk -v what="host $size" -v op="${op#*:}" -v a="$ours" -v b="$theirs" -v way="$way" 'BEGIN {
			ratio = (a - way) / b
			good = ratio > 0.9 && ratio < 1.1
			printf "%-12s %-10s %10.1f us %10.1f us %7.3f %s\n",
				what, op, a, b, ratio, good ? "agrees" : "DIFFERS"
			exit !good }' || bad=1
	done
}

need_modules softgpu prxe
one_host prxe
cd "$(mktemp -d)" || exit 1
[ -d $TRACE/events/raw_syscalls ] || topology_fail "this kernel has no trace events of system calls"
way=$(way_in) || exit 1
printf '%s, medians of %s, %s us of each call for the way in and out\n' "$(uname -r)" $N "$way"
printf '%-23s ib_reg_mr_lat %13s   ratio\n' '' "trace events"
for size in 4k 64k 1m 16m 64m; do
	compare $size
done
exit $bad
