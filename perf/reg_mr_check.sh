#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does ib_reg_mr_lat tell the truth? Its medians beside those of somebody else who
# times the same system calls: the kernel's trace events, or, where there are none of
# system calls, strace -T. Status 1 unless they agree within 10 %.
#
#	./vm run perf/reg_mr_check.sh			trace events
#	./vm --kernel uml run perf/reg_mr_check.sh	strace; wants a quiet machine

# shellcheck source=tests/lib/topology.sh
. "$PRXE_TESTS/lib/topology.sh"

readonly N=100 TRACE=/sys/kernel/tracing IOCTL=16
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
	# "ib_reg_mr_lat-123 [000] ..... 12.345678: sys_enter: NR 16 (...)"
	awk '!/ib_reg_mr_lat-/ { next }
	     { at = ""; for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+\.[0-9]+:$/) at = $i + 0 }
	     /sys_enter:/ { begun[$1] = at }
	     /sys_exit:/ && $1 in begun { print (at - begun[$1]) * 1e6 }' $TRACE/trace >durations
	echo 0 >$TRACE/events/raw_syscalls/enable
	echo 0 >$TRACE/events/raw_syscalls/filter
	echo >$TRACE/set_event_pid
	echo 0 >$TRACE/options/event-fork
	echo local >$TRACE/trace_clock
}

# by_strace COMMAND...: likewise. Each stop costs something, and more where there is
# much memory or a busy processor; stops at no other system calls, if that is possible.
by_strace()
{
	local bpf=--seccomp-bpf

	strace -f $bpf -e trace=ioctl -o /dev/null true 2>/dev/null || bpf=
	strace -f $bpf -T -e trace=ioctl -o trace "$@" || return 1
	sed -n 's/^[0-9]* *ioctl(.* = 0 <\([0-9.]*\)>$/\1/p' trace |
		awk '{ print $1 * 1e6 }' >durations
}

# measured PARITY: the median of every second of the ioctls that were measured. Behind
# them come the region that the driver is asked about, and two protection domains.
measured()
{
	tail -n $((2 * N + 4)) durations | head -n $((2 * N)) |
		awk -v parity="$1" 'NR % 2 == parity' | median
}

# compare NAME SIZE ARG...
compare()
{
	local name=$1 size=$2 op ours theirs

	shift 2
	$BY ib_reg_mr_lat -d prxeA -n $N -s "$size" --csv=csv "$@" >/dev/null || exit 1
	for op in 1:register 0:deregister; do
		ours=$(awk -F, -v op="${op#*:}" '$6 == op { print $9 }' csv)
		theirs=$(measured "${op%:*}")
		awk -v what="$name $size" -v op="${op#*:}" -v a="$ours" -v b="$theirs" 'BEGIN {
			good = a / b > 0.9 && a / b < 1.1
			printf "%-18s %-10s %10.1f us %10.1f us %7.3f %s\n",
				what, op, a, b, a / b, good ? "agrees" : "DIFFERS"
			exit !good }' || bad=1
	done
}

need_modules softgpu prxe
one_host prxe
cd "$(mktemp -d)" || exit 1
BY=by_strace
[ ! -d $TRACE/events/raw_syscalls ] || BY=by_events
printf '%s, medians of %s\n%-29s ib_reg_mr_lat %13s   ratio\n' "$(uname -r)" $N '' "$BY"
for size in 4k 64k 1m 16m 64m; do
	compare "host" $size
done
compare "heap" 16m --use_dmabuf=heap
exit $bad
