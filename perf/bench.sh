#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of ./vm bench: hosts for the contenders, all in one boot, and
# perf/bench/run.py between them.
#
#   --part native|bar	what needs no PCI, or VRAM and VFIO on PCI BARs
#   --output FILE	samples, one JSON object a line
#   --quick, --only PATTERN, --turns N	as ./vm bench has them

usage()
{
	sed -n '4,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

PART='' OUTPUT='' QUICK='' ONLY='' TURNS=0
while [ $# -gt 0 ]; do
	case $1 in
	--quick) QUICK=--quick; shift; continue ;;
	esac
	[ $# -ge 2 ] || usage
	case $1 in
	--part)	PART=$2 ;;
	--output) OUTPUT=$2 ;;
	--only)	ONLY=$2 ;;
	--turns) TURNS=$2 ;;
	*)	usage ;;
	esac
	shift 2
done
case $PART in
native | bar) ;;
*) usage ;;
esac
[ -n "$OUTPUT" ] || usage

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/lib/perftest.sh"
. "$PRXE_TESTS/dmabuf/vfio_lib.sh"

WORK=$(mktemp -d) || exit 1
cd "$WORK" || exit 1
finish()
{
	_status=$?
	perftest_clock_undo
	cleanup
	[ -z "${BENCH_VFIO:-}" ] || vfio_unbind "$BENCH_VFIO"
	cd /
	rm -rf "$WORK"
	exit "$_status"
}
trap finish EXIT
perftest_clock

# native_setup: all contenders, VRAM in RAM
native_setup()
{
	two_hosts rxe C D && CONTENDERS="$CONTENDERS rxe"
	# some kernels have no siw
	if modprobe siw 2>/dev/null; then
		two_hosts siw E F && CONTENDERS="$CONTENDERS siw"
	fi
	modprobe softgpu vram_mb=128 bind=none || topology_fail "cannot load softgpu"
	export BENCH_VRAM="RAM"
}

# bar_setup: the first ivshmem device is softgpu's, the second VFIO's; the device that
# imports scatterlists is any that does DMA: the guest's console
bar_setup()
{
	_gpu=$(pci_devices 0x1af4 0x1110 | sed -n 1p)
	[ -n "$_gpu" ] || topology_fail "no PCI device for softgpu"
	modprobe softgpu bind="$_gpu" || topology_fail "cannot load softgpu"
	vfio_load
	BENCH_VFIO=$(vfio_device) || exit 1
	vfio_bind vfio_pci_pfn "$BENCH_VFIO"
	export BENCH_VFIO BENCH_VRAM="PCI BAR"
	for _dev in /sys/bus/pci/devices/*; do
		[ "$(cat "$_dev/class" 2>/dev/null)" != 0x078000 ] ||
			export BENCH_IMPORTER="${_dev##*/}"
	done
}

need_modules prxe dma_buf_import_bench
[ -e /dev/udmabuf ] || modprobe udmabuf
CONTENDERS="prxe prxe-crc"
two_hosts prxe A B
"${PART}_setup"
trap finish EXIT
export MTU
# shellcheck disable=SC2086 # a word or nothing
python3 "$(dirname "$0")/bench/run.py" --part "$PART" --output "$OUTPUT" --turns "$TURNS" \
	--only "$ONLY" --contenders "$CONTENDERS" $QUICK
