#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [TARBALL]: does the series apply, build without a warning, and please
# checkpatch? On a kernel source that is unpacked for it: TARBALL, or what the
# package linux-source installs. Needs what a kernel build needs, 3 GB of TMPDIR
# (/tmp), and minutes. JOBS=N is for more than one compiler at a time.

set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tarball=${1:-}
for found in /usr/src/linux-source-*.tar.xz; do
	tarball=${tarball:-$found}
done
readonly here tarball

# What each patch must leave in order, by its number
objects()
{
	local amdgpu=drivers/gpu/drm/amd/amdgpu

	case $1 in
	0001|0002)	echo drivers/dma-buf/ ;;
	0003)		echo drivers/vfio/pci/vfio_pci_dmabuf.o ;;
	0004)		echo $amdgpu/amdgpu_{dma_buf,object,ttm,device}.o ;;
	*)		echo "no objects known for patch $1" >&2; return 1 ;;
	esac
}

# quiet COMMAND...: its output only if it fails, or warns of something
quiet()
{
	"$@" >"$work/log" 2>&1 && ! grep -qi 'warning' "$work/log" && return
	cat "$work/log"
	echo "failed, or not without a warning: $*"
	return 1
}

configure()
{
	local line

	quiet make defconfig
	scripts/kconfig/merge_config.sh -m .config "$here/check.config" >"$work/log"
	quiet make olddefconfig
	while read -r line; do
		grep -qxF "$line" .config || { echo "not accepted: $line"; return 1; }
	done < <(grep '^CONFIG_' "$here/check.config")
	quiet make -j"$jobs" modules_prepare
}

# A kernel of the distribution is newer than the warnings of older files: only
# what the series adds is held against it.
check_docs()
{
	quiet scripts/kernel-doc -none -Wall include/linux/dma-buf-pfn.h \
		drivers/dma-buf/dma-buf-pfn.c
}

# The importer of the tests is for the module. It must not see a difference.
check_importer()
{
	local importer=$here/../dma-buf-pfn/selftest/dump.c

	cp "$importer" drivers/dma-buf/prxe-dump.c
	quiet make W=1 drivers/dma-buf/prxe-dump.o
}

jobs=${JOBS:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/prxe-upstream.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/linux"
cd "$work/linux"
echo "unpacking $tarball"
tar -xf "$tarball" --strip-components=1
echo "configuring"
configure

for patch in "$here"/0*-*.patch; do
	name=$(basename "$patch")
	[[ $name != 0000-* ]] || continue
	echo "$name"
	quiet scripts/checkpatch.pl --strict --no-summary "$patch"
	quiet patch -p1 --fuzz=0 --no-backup-if-mismatch -i "$patch"
	# shellcheck disable=SC2046 # words
	quiet make -j"$jobs" W=1 $(objects "${name%%-*}")
done
check_docs
check_importer
echo "the series applies, builds and is clean on $(make -s kernelversion)"
