#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of ./vm profile: traffic while the host takes samples.
#
#   --op NAME	write, read or send (default write)
#   --size N	bytes of a message (default 65536)
#   --device	one device rather than two hosts
#   --kind NAME	prxe or rxe (default prxe)

usage()
{
	sed -n '4,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

OP=write SIZE=65536 CLIENT=B KIND=prxe
while [ $# -gt 0 ]; do
	case $1 in
	--op)	OP=$2; shift ;;
	--size)	SIZE=$2; shift ;;
	--kind)	KIND=$2; shift ;;
	--device) CLIENT=A ;;
	*)	usage ;;
	esac
	shift || usage
done

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/lib/perftest.sh"
cd "$(mktemp -d)" || exit 1
trap 'perftest_clock_undo; cleanup' EXIT
perftest_clock
two_hosts "$KIND"

run()
{
	perftest_run A "$CLIENT" "$KIND" "$IP4_A" 4 "ib_${OP}_bw" -F -s "$SIZE" -D "$1"
}

run 1 >/dev/null || exit 1		# caches and windows are warm after this
cat /proc/kallsyms >/prxe/run/kallsyms
: >/prxe/run/profile.begin
echo "$KIND $OP, $SIZE bytes: $(run 10) MiB/s"
: >/prxe/run/profile.end
