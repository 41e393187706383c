#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ./vm bench: stock perftest over prxe beside rxe, and siw where the kernel has it, in
# one boot: host memory, two hosts and one device. The contenders take turns; what
# is printed are medians, and their ratio to rxe's. prxe=crc is prxe with the
# checksum function that rxe has, the kernel's crc32_le(), which is a plain byte
# table on User Mode Linux.
#
#   --runs N	turns (default 5)
#
# ./vm bench --kernel uml runs at native speed on any machine.

usage()
{
	sed -n '4,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

RUNS=5
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || usage
	case $1 in
	--runs)	RUNS=$2 ;;
	*)	usage ;;
	esac
	shift 2
done

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/lib/perftest.sh"

WORK=$(mktemp -d) || exit 1
cd "$WORK" || exit 1
trap 'perftest_clock_undo; cleanup; rm -rf "$WORK"' EXIT
perftest_clock

need_modules prxe
ENGINE=/sys/module/prxe/parameters/crc
FASTEST=$(cat $ENGINE)
KINDS="prxe prxe=crc rxe"
two_hosts prxe A B
two_hosts rxe C D
if modprobe siw 2>/dev/null; then
	two_hosts siw E F
	KINDS="$KINDS siw"
fi
trap 'perftest_clock_undo; cleanup; rm -rf "$WORK"' EXIT

# measure KIND PLACE COLUMN PROGRAM ARG...
measure()
{
	_k=$1 _p=$2 _c=$3
	shift 3
	case $_k in
	prxe)	echo auto >$ENGINE
		_a=A _b=B _ip=10.77.0.1 ;;
	prxe=crc)
		echo kernel >$ENGINE
		_k=prxe _a=A _b=B _ip=10.77.0.1 ;;
	rxe)	_a=C _b=D _ip=10.77.1.1 ;;
	siw)	# iWARP: connections by rdma_cm only, and one device does not do
		[ "$_p" = wire ] || return 0
		export PERFTEST_CM="--bind_source_ip 10.77.2.1"
		perftest_run E F siw 10.77.2.1 "$_c" "$@" -R
		_status=$?
		unset PERFTEST_CM
		return "$_status" ;;
	esac
	[ "$_p" = wire ] || _b=$_a
	perftest_run "$_a" "$_b" "$_k" "$_ip" "$_c" "$@"
}

# ratio CONTENDER: its median to rxe's
ratio()
{
	if [ -s "m.$1" ] && [ -s m.rxe ]; then
		awk -v p="$(median <"m.$1")" -v r="$(median <m.rxe)" \
			'BEGIN { printf " %12.2f", p / r }'
	else
		printf ' %12s' -
	fi
}

# row PLACE COLUMN TITLE PROGRAM ARG...
row()
{
	_place=$1 _col=$2 _title=$3
	shift 3
	rm -f m.*
	for _turn in $(seq "$RUNS"); do
		for _contender in $KINDS; do
			measure "$_contender" "$_place" "$_col" "$@" >>"m.$_contender" 2>>errors ||
				echo "$_title: $_contender failed in turn $_turn" >>failures
		done
	done
	printf '  %-30s' "$_title"
	for _contender in $KINDS; do
		if [ -s "m.$_contender" ]; then
			printf ' %10.1f' "$(median <"m.$_contender")"
		else
			printf ' %10s' -
		fi
	done
	ratio prxe
	ratio prxe=crc
	echo
}

echo "kernel $(uname -r), $PRXE_KERNEL; MTU $MTU; medians of $RUNS turns; prxe's CRC: $FASTEST"
for place in wire device; do
	echo
	[ $place = wire ] && printf '%-32s' "Two hosts, veth" || printf '%-32s' "One device"
	# shellcheck disable=SC2086 # a list
	printf ' %10s' $KINDS
	printf ' %12s %12s\n' prxe/rxe prxe=crc/rxe
	for op in write read send; do
		row $place 4 "$op, 64 KiB, MiB/s" ib_${op}_bw -F -s 65536 -n 1000
	done
	for op in write read send; do
		row $place 5 "$op, 2 B, us (typical)" ib_${op}_lat -F -s 2 -n 1000
	done
done
if [ -s failures ]; then
	echo
	cat failures
	tail -n 40 errors
	exit 1
fi
