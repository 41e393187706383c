# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the kAPI tests share: load the mock, run parts of the driver program,
# unload it again. A test that breaks rules on purpose wants no stack trace in
# the kernel log, so misuse is reported in one line meanwhile.

readonly PARAM=/sys/module/dma_buf_pfn/parameters/misuse_warn

kapi_unload()
{
	local status=$?

	[ -e "$PARAM" ] && echo Y >"$PARAM"
	# Unloading fails if anything is still held: that is part of the test.
	rmmod dma_buf_pfn_mock && rmmod dma_buf_pfn || status=1
	exit "$status"
}

kapi_load()
{
	modprobe dma_buf_pfn_mock || exit 1
	trap kapi_unload EXIT
	echo N >"$PARAM"
}

# kapi TEST: run one test of the driver program
kapi()
{
	"$PRXE_BIN/kapi_mock" "$1"
}
