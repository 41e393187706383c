# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the VFIO tests: bind the second ivshmem device (the first is softgpu's) or
# the NVMe device to a VFIO driver, and give it back.

. "$PRXE_TESTS/lib/topology.sh"

fail()
{
	echo "$*" >&2
	exit 1
}

# pci_devices VENDOR DEVICE: the addresses of all of them
pci_devices()
{
	for _dev in /sys/bus/pci/devices/*; do
		[ -e "$_dev" ] || continue
		read -r _vendor <"$_dev/vendor" && read -r _device <"$_dev/device" || continue
		[ "$_vendor $_device" = "$1 $2" ] && echo "${_dev##*/}"
	done
}

# The device of most tests: a BAR 2 that behaves as RAM.
vfio_device()
{
	_bdf=$(pci_devices 0x1af4 0x1110 | sed -n 2p)
	[ -n "$_bdf" ] || fail "no second ivshmem device"
	echo "$_bdf"
}

# A device with two BARs of whole pages, 0 (registers) and 2 (behaves as RAM).
vfio_two_bars()
{
	_bdf=$(pci_devices 0x1b36 0x0010 | sed -n 1p)
	[ -n "$_bdf" ] || fail "no NVMe device"
	echo "$_bdf"
}

# vfio_bind DRIVER BDF
vfio_bind()
{
	echo "$1" >"/sys/bus/pci/devices/$2/driver_override" || fail "driver_override"
	echo "$2" >/sys/bus/pci/drivers_probe || fail "cannot probe $2"
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$2/driver")")" = "$1" ] ||
		fail "$2 is not bound to $1"
}

# vfio_unbind BDF
vfio_unbind()
{
	echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind" || fail "cannot unbind $1"
	echo >"/sys/bus/pci/devices/$1/driver_override"
}

# vfio_load [PARAMETER...]: the driver, and what a VFIO program needs
vfio_load()
{
	need_modules vfio_iommu_type1
	modprobe vfio_pci_pfn "$@" || fail "cannot load vfio_pci_pfn"
}

# No reference is left behind: the modules go at once.
vfio_unload()
{
	rmmod vfio_pci_pfn || fail "cannot unload vfio_pci_pfn"
}

# How often: few times in an ordinary run, all with PRXE_LONG=1.
# vfio_rounds FEW ALL
vfio_rounds()
{
	[ "${PRXE_LONG:-0}" = 1 ] && echo "$2" || echo "$1"
}
