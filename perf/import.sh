#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# ./vm run perf/import.sh: what importing costs by scatterlist and by page frame number,
# of buffers of softgpu, contiguous and with every page apart: on the BAR with a PCI
# device as importer where there are such (QEMU), and over RAM.

modprobe dma_buf_import_bench || exit 1
importer=-
for device in /sys/bus/pci/devices/*; do
	# any that does DMA and is not softgpu's: the console of the guest
	[ "$(cat "$device/class" 2>/dev/null)" = 0x078000 ] && importer=${device##*/}
done

both()
{
	dmabuf_import_lat --use_dmabuf=softgpu --importer="$importer" -a "$@" || exit 1
	dmabuf_import_lat --use_dmabuf=softgpu --importer="$importer" -a --fragment=1 "$@" || exit 1
}

if [ "$importer" != - ]; then
	echo "VRAM on a PCI BAR"
	modprobe softgpu || exit 1
	both "$@"
	rmmod softgpu || exit 1
fi
echo "VRAM in RAM"
modprobe softgpu vram_mb=128 bind=none || exit 1
both "$@"
