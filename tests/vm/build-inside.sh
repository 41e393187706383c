#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-inside.sh KERNEL VERSION CHECK: configure, build and install into /;
# runs inside the guest root.

set -eu

kernel=$1 version=$2 check=$3
options=(-DPRXE_CHECK="$check")

if [ "$kernel" = production ]; then
	options+=(-DKDIR="/usr/src/linux-headers-$version")
else
	options+=(-DKDIR=/prxe/kernel)
fi
[[ $kernel != uml* ]] || options+=(-DKARCH=um)

cd /prxe/build
# A changed option must not meet the old cache.
if [ "$(cat .prxe-options 2>/dev/null)" != "${options[*]}" ]; then
	cmake -S /prxe/src -B /prxe/build -DCMAKE_INSTALL_PREFIX=/usr \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DRDMA_CORE_SRC=/usr/src/prxe-rdma-core -DPERFTEST_SRC=/usr/src/prxe-perftest \
		"${options[@]}"
	printf '%s\n' "${options[*]}" >.prxe-options
fi
cmake --build . --parallel "$(nproc)"

# The manifest of the last install shows what this one does not hold any more.
[ -e install_manifest.txt ] && sort install_manifest.txt >.prxe-old
cmake --install . >.prxe-install.log || { cat .prxe-install.log; exit 1; }
if [ -e .prxe-old ]; then
	sort install_manifest.txt | comm -23 .prxe-old - | while IFS= read -r file; do
		echo "removing $file, which is installed no more"
		rm -f -- "$file"
	done
fi
# Another kernel's build may have installed user-space files that are gone now;
# each build tree is the judge of its own files only.
ldconfig
