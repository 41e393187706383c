#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# prepare.sh PERFTEST DIR PATCH CC: make DIR a copy of PERFTEST with PATCH applied,
# configured.

set -eu

from=$1 to=$2 patch=$3 cc=$4

rm -rf "$to"
mkdir -p "$to"
# with the times: autotools would rebuild what is older than it should be
cp -a "$from/." "$to/"
cd "$to"
patch -p1 --no-backup-if-mismatch <"$patch" || {
	echo "$patch does not fit the perftest in $from; see perf/README.md" >&2
	exit 1
}

# quietly COMMAND...: what it says only when it fails
quietly()
{
	"$@" >prxe.log 2>&1 || { cat prxe.log >&2; exit 1; }
}

[ -x configure ] || quietly ./autogen.sh
quietly ./configure CC="$cc" CFLAGS='-O2 -g'
