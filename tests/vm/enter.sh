#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# enter.sh TREE [--ro SRC DST | --bind SRC DST]... -- COMMAND...
#
# Run COMMAND with TREE as its root. To be called in mount and pid namespaces
# of its own (in_namespace), which take every mount made here away with them.

set -eu

tree=$1
shift

mount -t tmpfs -o mode=755 prxe-dev "$tree/dev"
mkdir "$tree/dev/pts" "$tree/dev/shm"
for node in null zero full random urandom tty kvm; do
	if [ -e "/dev/$node" ]; then
		: >"$tree/dev/$node"
		mount --bind "/dev/$node" "$tree/dev/$node"
	fi
done
mount -t devpts -o newinstance,ptmxmode=666,mode=620 prxe-pts "$tree/dev/pts"
ln -s pts/ptmx "$tree/dev/ptmx"
ln -s /proc/self/fd "$tree/dev/fd"
ln -s fd/0 "$tree/dev/stdin"
ln -s fd/1 "$tree/dev/stdout"
ln -s fd/2 "$tree/dev/stderr"
mount -t tmpfs -o size=90% prxe-shm "$tree/dev/shm"
mount -t proc proc "$tree/proc"
mount -t sysfs -o ro sys "$tree/sys"

while [ "$1" != -- ]; do
	mkdir -p "$tree$3"
	case $1 in
	--ro)
		mount --bind "$2" "$tree$3"
		mount -o remount,bind,ro "$tree$3"
		;;
	--bind)
		mount --bind "$2" "$tree$3"
		;;
	--hide)
		# Only DST counts: keep what is below it out of sight.
		mount -t tmpfs -o ro,size=4k prxe-hide "$tree$3"
		;;
	esac
	shift 3
done
shift

exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
	${CI:+CI="$CI"} \
	${http_proxy:+http_proxy="$http_proxy"} \
	${https_proxy:+https_proxy="$https_proxy"} \
	${PRXE_LONG:+PRXE_LONG="$PRXE_LONG"} \
	chroot "$tree" "$@"
