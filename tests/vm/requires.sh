# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The words that a guest test may put after "# requires:".

module_exists() { modinfo -n "$1" >/dev/null 2>&1 || [ -d "/sys/module/$1" ]; }

has_tracer()
{
	grep -qw "$1" /sys/kernel/tracing/available_tracers 2>/dev/null
}

has_pci_device()
{
	grep -qs "$1" /sys/bus/pci/devices/*/vendor
}

# missing WORD: why this guest cannot run a test that needs WORD
missing()
{
	case $1 in
	pci)	has_pci_device 0x1af4 || echo "needs PCI devices" ;;
	vfio)	[ -n "$(ls /sys/kernel/iommu_groups 2>/dev/null)" ] && module_exists vfio_pci ||
			echo "needs VFIO and an IOMMU" ;;
	ftrace)	has_tracer function || echo "needs the function tracer" ;;
	events)	[ -d /sys/kernel/tracing/events ] || echo "needs trace events" ;;
	kunit)	module_exists kunit || echo "needs KUnit" ;;
	kmemleak) [ -e /sys/kernel/debug/kmemleak ] || echo "needs kmemleak" ;;
	failslab) [ -d /sys/kernel/debug/failslab ] || echo "needs fault injection" ;;
	rxe)	module_exists rdma_rxe || echo "needs the rdma_rxe module" ;;
	siw)	module_exists siw || echo "needs the siw module" ;;
	netem)	module_exists sch_netem || echo "needs the sch_netem module" ;;
	udmabuf) [ -e /dev/udmabuf ] || module_exists udmabuf || echo "needs udmabuf" ;;
	dma-heap) [ -e /dev/dma_heap/system ] || echo "needs the system dma-heap" ;;
	module:*) module_exists "${1#module:}" || echo "needs the ${1#module:} module" ;;
	command:*) command -v "${1#command:}" >/dev/null || echo "needs ${1#command:}" ;;
	kernel:*) [ "$PRXE_KERNEL" = "${1#kernel:}" ] || echo "needs the ${1#kernel:} kernel" ;;
	*)	echo "unknown requirement $1" ;;
	esac
}

# check_requires: words on stdin; the first reason why the test cannot run
check_requires()
{
	local word

	for word in $(cat); do
		missing "$word"
	done | head -n 1
}
