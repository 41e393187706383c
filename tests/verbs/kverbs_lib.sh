# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# kverbs*.test: run cases of prxe_kverbs, a kernel user, between two RDMA devices. Source
# lib/topology.sh first, make the devices, then this.

KVERBS=/sys/kernel/debug/prxe_kverbs
kverbs_failed=0

kverbs_cleanup()
{
	rmmod prxe_kverbs
	cleanup
}

# kverbs CASE DEVICE DEVICE
kverbs()
{
	if (echo "$*" >$KVERBS/run) 2>/dev/null; then
		echo "ok $*"
	else
		echo "not ok $*"
		kverbs_failed=1
	fi
	cat $KVERBS/log
}

need_modules prxe_kverbs
trap kverbs_cleanup EXIT
