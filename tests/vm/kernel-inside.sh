#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-inside.sh KIND TARBALL: build the kernel KIND (uml or debug) from the
# kernel source TARBALL in /prxe/kernel; runs inside the guest root.

set -eu

kind=$1
fragment=/prxe/src/tests/vm/$kind.config
arch=x86_64
[ "$kind" = uml ] && arch=um

cd /prxe/kernel
tar -xf "$2" --strip-components=1

make ARCH="$arch" tinyconfig
ARCH="$arch" scripts/kconfig/merge_config.sh -m .config "$fragment"
printf 'CONFIG_LOCALVERSION="-prxe-%s"\n' "$kind" >>.config
make ARCH="$arch" olddefconfig

# A symbol that Kconfig did not take is an error, not a surprise in a test.
lost=0
while read -r line; do
	case $line in
	CONFIG_*=n)
		name=${line%%=*}
		if grep -q "^$name=" .config; then
			echo "not accepted: $line ($(grep "^$name=" .config))"
			lost=1
		fi
		;;
	CONFIG_*=*)
		if ! grep -qxF "$line" .config; then
			echo "not accepted: $line ($(grep -w "${line%%=*}" .config || echo absent))"
			lost=1
		fi
		;;
	'# CONFIG_'*' is not set')
		name=${line#\# }
		name=${name% is not set}
		if grep -q "^$name=" .config; then
			echo "not accepted: $line"
			lost=1
		fi
		;;
	esac
done <"$fragment"
if ((lost)); then
	echo "Kconfig did not accept all of tests/vm/$kind.config"
	exit 1
fi

make ARCH="$arch" -j"$(nproc)"
make ARCH="$arch" INSTALL_MOD_PATH=/prxe/kernel/.prxe-modules modules_install
release=$(cat include/config/kernel.release)
rm -f ".prxe-modules/lib/modules/$release/build"

# Out-of-tree modules need headers, scripts and Module.symvers only.
find . -path ./scripts -prune -o -path ./tools -prune -o -path ./.prxe-modules -prune -o \
	-type f \( -name '*.o' -o -name '*.a' -o -name '*.ko' \) \
	! -name module-common.o ! -path './arch/um/*' -print0 | xargs -0 rm -f
rm -rf Documentation sound
touch .prxe-complete
