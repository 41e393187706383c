#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make.sh DIR OURS LIBRARIES PROGRAM...: build perftest's programs in DIR, with
# dmabuf_memory.h of the directory OURS and with LIBRARIES behind its own.

set -eu

dir=$1 ours=$2 libraries=$3
shift 3
cd "$dir"
# perftest's own rules do not know that our library changed.
rm -f "$@"
# Not a part of a make that may run this: it has its own jobs.
unset MAKEFLAGS MFLAGS
make -j"$(nproc)" CPPFLAGS="-I$ours" LIBMATH="$libraries" "$@" >prxe.log 2>&1 || {
	cat prxe.log >&2
	exit 1
}
