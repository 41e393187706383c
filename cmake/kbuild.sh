#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kbuild.sh modules|install: call Kbuild for the modules in $SRC (our kernel/)
# with the kernel in $KDIR and the output in $OUT; ARCH and CHECK=yes optional.
#
# `install` prints the files it has installed, for the install manifest.

set -eu

jobs=$(nproc)
here=$(cd "$(dirname "$0")" && pwd)

kbuild()
{
	make -C "$KDIR" M="$SRC" MO="$OUT" ${ARCH:+ARCH="$ARCH"} -j"$jobs" "$@"
}

# With CHECK, warnings of the compiler (W=1) and of sparse (C=1) are errors,
# those of sparse only where they are about our files. C=1 itself would switch
# the check off, with no more than a warning: the headers that Debian packages lack
# the script that asks whether sparse is good enough, and sparse 0.6.4 does
# not know __typeof_unqual__. So it is asked for by the variable behind it.
build()
{
	if [ "${CHECK:-}" = yes ]; then
		kbuild W=1e KBUILD_CHECKSRC=1 \
			CHECK="sh $here/sparse-ours.sh $SRC" modules
	else
		kbuild modules
	fi
}

install_modules()
{
	release=$(cat "$KDIR/include/config/kernel.release")
	to=/lib/modules/$release/updates
	mkdir -p "${DESTDIR:-}$to"
	changed=
	# shellcheck disable=SC2044 # module names hold no blanks
	for module in $(find "$OUT" -name '*.ko' -printf '%P\n'); do
		name=${module##*/}
		if ! cmp -s "$OUT/$module" "${DESTDIR:-}$to/$name"; then
			cp "$OUT/$module" "${DESTDIR:-}$to/$name"
			changed=yes
		fi
		echo "$to/$name"
	done
	# In a staging directory depmod is the affair of whoever installs it.
	if [ -n "$changed" ] && [ -z "${DESTDIR:-}" ]; then
		depmod "$release"
	fi
}

case $1 in
modules) build ;;
install) install_modules ;;
esac
