#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of ./vm profile: traffic while the host takes samples.
#
#   --op NAME	write, read or send (default write)
#   --size N	bytes of a message (default 65536)
#   --device	one device rather than two hosts
#   --kind NAME	prxe or rxe (default prxe)
#   --import WAY	imports of a dma-buf of softgpu, of --size bytes, instead of traffic: sg,
#		pfn or grant, as dmabuf_import_lat has them; --fragment N: of runs of N pages

usage()
{
	sed -n '4,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

OP=write SIZE=65536 CLIENT=B KIND=prxe IMPORT='' FRAGMENT=''
while [ $# -gt 0 ]; do
	case $1 in
	--op)	OP=$2; shift ;;
	--size)	SIZE=$2; shift ;;
	--kind)	KIND=$2; shift ;;
	--import) IMPORT=$2; shift ;;
	--fragment) FRAGMENT=$2; shift ;;
	--device) CLIENT=A ;;
	*)	usage ;;
	esac
	shift || usage
done

begin()
{
	cat /proc/kallsyms >/prxe/run/kallsyms
	: >/prxe/run/profile.begin
}

if [ -n "$IMPORT" ]; then
	modprobe softgpu vram_mb=256 bind=none
	modprobe dma_buf_import_bench
	begin
	timeout 10 dmabuf_import_lat --use_dmabuf=softgpu --import="$IMPORT" --size="$SIZE" \
		${FRAGMENT:+--fragment="$FRAGMENT"} --iters=1000000 --turns=1000 >/dev/null
	: >/prxe/run/profile.end
	exit 0
fi

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
begin
echo "$KIND $OP, $SIZE bytes: $(run 10) MiB/s"
: >/prxe/run/profile.end
