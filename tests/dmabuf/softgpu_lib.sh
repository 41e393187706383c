# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the softgpu tests: load it as one kind of device, RAM or BAR, run cases of
# softgpu_test on it, unload it.

# Little, so that it is soon overcommitted.
VRAM_MB=24

fail()
{
	echo "$*" >&2
	exit 1
}

# The first ivshmem device; the others are for somebody else.
ivshmem()
{
	for _dev in /sys/bus/pci/devices/*; do
		read -r _vendor <"$_dev/vendor" && read -r _device <"$_dev/device" || continue
		[ "$_vendor $_device" = "0x1af4 0x1110" ] || continue
		echo "${_dev##*/}"
		return
	done
	echo "no ivshmem device" >&2
	return 1
}

# softgpu_load ram|bar
softgpu_load()
{
	if [ "$1" = ram ]; then
		modprobe softgpu vram_mb="$VRAM_MB" bind=none || fail "cannot load softgpu"
	else
		BDF=$(ivshmem) || exit 1
		modprobe softgpu bar_mb="$VRAM_MB" bind="$BDF" || fail "cannot load softgpu"
	fi
	# Without udev, devtmpfs makes the node.
	[ -n "$(ls /dev/dri/card* 2>/dev/null)" ] || fail "no DRM node"
}

softgpu_unload()
{
	rmmod softgpu || fail "cannot unload softgpu"
	rmmod dma_buf_pfn || fail "cannot unload dma_buf_pfn"
}

# softgpu_cases ram|bar CASE...: the whole test
softgpu_cases()
{
	_kind=$1
	shift
	softgpu_load "$_kind"
	for _case in "$@"; do
		"$PRXE_BIN/softgpu_test" "$_kind" "$_case" || fail "$_case failed"
	done
	softgpu_unload
}

# softgpu_busy ram|bar CASE: the module stays while CASE holds something
softgpu_busy()
{
	softgpu_load "$1"
	_pipe=$(mktemp -d) || exit 1
	mkfifo "$_pipe/in" "$_pipe/out"
	"$PRXE_BIN/softgpu_test" "$1" "$2" <"$_pipe/in" >"$_pipe/out" &
	_holder=$!
	exec 8>"$_pipe/in" 9<"$_pipe/out"
	read -r _line <&9 && [ "$_line" = ready ] || fail "$2 did not get ready"

	if rmmod softgpu 2>"$_pipe/err"; then
		fail "the module went away under $2"
	fi
	grep -q "in use" "$_pipe/err" || fail "rmmod: $(cat "$_pipe/err")"
	_vram=$(cat /sys/kernel/debug/dri/*/vram 2>/dev/null | grep '^bo') ||
		fail "the buffer is gone under $2"
	echo all | tee /sys/kernel/debug/dri/*/evict >/dev/null || fail "evict"

	exec 8>&-
	wait "$_holder" || fail "$2 failed"
	exec 9<&-
	rm -r "$_pipe"
	softgpu_unload
}
