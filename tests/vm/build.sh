# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Build everything inside the guest root, through the top-level CMake, and
# install it there. The source tree is mounted read-only; each kernel has a
# build tree of its own, build/out-KERNEL.

CHECK=${PRXE_CHECK:-OFF}	# ON: W=1 C=1, any warning of ours is an error

# root_mounts: the mounts that the build and the guest have in common
root_mounts()
{
	MOUNTS=(--ro "$TOP" /prxe/src --hide - /prxe/src/build)
	if [ -n "$KERNEL_TREE" ]; then
		MOUNTS+=(--ro "$KERNEL_TREE" /prxe/kernel)
	fi
}

build_all()
{
	local out=$BUILD/out-$KERNEL

	mkdir -p "$out"
	root_mounts
	step "building modules, provider and tools for $VERSION" "build-$KERNEL" \
		in_root "$ROOT" "${MOUNTS[@]}" --bind "$out" /prxe/build -- \
		bash /prxe/src/tests/vm/build-inside.sh "$KERNEL" "$VERSION" "$CHECK" ||
		die "the build failed"
}
