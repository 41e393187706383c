#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-inside.sh KIND TARBALL FRAGMENT...: build the kernel KIND (uml, debug or
# uml-debug) in /prxe/kernel, from the kernel source TARBALL and the FRAGMENTs of
# this directory; runs inside the guest root.

set -eu

kind=$1
tarball=$2
shift 2
arch=x86_64
[[ $kind != uml* ]] || arch=um

cd /prxe/kernel
tar -xf "$tarball" --strip-components=1
patch=/prxe/src/tests/vm/$kind.patch
[ ! -e "$patch" ] || patch -p1 <"$patch"

# Of a symbol that is named twice the last mention counts.
fragment=.prxe-fragment
(cd /prxe/src/tests/vm && cat "$@") | tac |
	awk 'match($0, /CONFIG_[A-Z0-9_]+/) && seen[substr($0, RSTART, RLENGTH)]++ { next } 1' |
	tac >"$fragment"

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
	echo "Kconfig did not accept all of $*"
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
