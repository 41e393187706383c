#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# root-inside.sh SUITE: complete the guest root; runs inside it.
#
# Adds the backported kernel (its binaries without the initramfs machinery they
# depend on), its headers and source, and the sources of the installed rdma-core
# and perftest, whose private headers the provider and the tools are built with.

set -eu

suite=$1
backports=$suite-backports
export DEBIAN_FRONTEND=noninteractive

apt_get() { apt-get -y -q -o Acquire::Retries=3 "$@"; }

# Where the archive lacks a .dsc, apt still fetches and verifies the tarballs
# before it complains: judge by those.
get_source()
{
	local name=$1 orig dir

	cd /usr/src
	apt_get source --download-only "$name" || true
	orig=$(find . -maxdepth 1 -name "${name}_*.orig.tar.*" ! -name '*.asc' | head -n 1)
	if [ -z "$orig" ]; then
		echo "no source of $name could be fetched" >&2
		exit 1
	fi
	dir=/usr/src/prxe-$name
	mkdir "$dir"
	tar -xf "$orig" -C "$dir" --strip-components=1
	rm -f "${name}_"*
}

apt_get update

# libelf-dev from backports too: the headers' tools pull the newer libelf.
apt_get install --no-install-recommends -t "$backports" linux-headers-amd64 libelf-dev

kdir=$(readlink -f /usr/src/linux-headers-*-amd64)
version=${kdir##*/linux-headers-}
series=$(printf '%s' "$version" | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')

apt_get install --no-install-recommends -t "$backports" "linux-source-$series"

mkdir /tmp/kernel
cd /tmp/kernel
apt_get download "linux-binary-$version" "linux-modules-$version"
for deb in *.deb; do
	dpkg -x "$deb" /
done
cd /
rm -r /tmp/kernel
depmod "$version"

get_source rdma-core
get_source perftest

# checkpatch.pl and what it reads, for the style check
mkdir /usr/src/prxe-checkpatch
tar -xf "/usr/src/linux-source-$series.tar.xz" -C /usr/src/prxe-checkpatch --strip-components=1 \
	--wildcards '*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
	'*/scripts/const_structs.checkpatch'

mkdir -p /prxe/src /prxe/build /prxe/kernel /prxe/script /prxe/run
apt-get clean
printf '%s\n' "$version" >/etc/prxe-kernel
