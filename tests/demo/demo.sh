#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ./vm demo: GPU memory, imported as dma-buf by page frame number, reached by RDMA
# between two hosts; what it costs and how fast it is, beside host memory and rxe.
#
#   --quick	fewer rounds, and no stock perftest: for the test suite
#   --json FILE	write the figures to FILE, which is in the guest; -: print them last
#
# Exit status 1 when a check of data, counters or a tool fails. Figures that miss
# a goal are marked, and do not: a busy machine is not a broken one.

usage()
{
	sed -n '4,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

QUICK='' JSON=''
while [ $# -gt 0 ]; do
	case $1 in
	--quick)
		QUICK=--quick
		;;
	--json)
		[ $# -ge 2 ] || usage
		shift
		JSON=$1
		;;
	*)
		usage
		;;
	esac
	shift
done

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/dmabuf/softgpu_lib.sh"
. "$PRXE_TESTS/lib/perftest.sh"
. "$PRXE_TESTS/demo/demo_lib.sh"

WORK=$(mktemp -d) || exit 1
DEMO_RESULTS=$WORK/results
export DEMO_RESULTS
: >"$DEMO_RESULTS"
FAILED=0
trap 'demo_exit' EXIT

introduce
part 1 "The hosts and their devices"
make_hosts
part 2 "Data: VRAM and host memory, every operation, every byte compared"
step data
part 3 "Eviction in the middle of traffic"
step evict
part 4 "What a registration costs"
step register rxeC rxeD
part 5 "How fast"
step speed rxeC rxeD
[ -n "$QUICK" ] || stock_perftest
part 6 "Afterwards"
check_counters
take_down
summary
if [ "$FAILED" -gt 0 ]; then
	echo "The demo FAILED: $FAILED parts, see above."
	exit 1
fi
echo "All checks passed."
case $JSON in
'')	;;
-)	write_json ;;
*)	write_json >"$JSON" || fail "cannot write $JSON" ;;
esac
