#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# fetch-source.sh SOURCE PACKAGE DIR: unpack in DIR the upstream source that the
# installed PACKAGE was built from.
#
# apt needs a deb-src line; one is made up for this call from what apt is
# configured with, so that nothing of the system is changed. Where the archive
# lacks a .dsc, apt fetches and verifies the tarballs all the same before it
# complains: they are the judge, not its exit status.

set -eu

source=$1 package=$2 dir=$3

# shellcheck disable=SC2016 # a format of dpkg's
version=$(dpkg-query -W -f '${source:Version}' "$package" 2>/dev/null) || {
	echo "fetch-source: $package is not installed" >&2
	exit 1
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/lists" "$tmp/lists/partial" "$tmp/download"

# shellcheck disable=SC2016 # a format of apt's
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
	sort -u | while read -r uri release component; do
		echo "deb-src $uri $release $component"
	done >"$tmp/sources.list"

cd "$tmp/download"
apt="-q -o Dir::Etc::sourcelist=$tmp/sources.list -o Dir::Etc::sourceparts=/dev/null
	-o Dir::State::lists=$tmp/lists -o APT::Sandbox::User=root"
# shellcheck disable=SC2086 # words
apt-get $apt update
# shellcheck disable=SC2086
apt-get $apt source --download-only "$source=$version" || true

upstream=${version#*:}
upstream=${upstream%-*}
tarball=$(find . -name "${source}_$upstream.orig.tar.*" ! -name '*.asc' | head -n 1)
if [ -z "$tarball" ]; then
	echo "fetch-source: apt has no source of $source $version" >&2
	exit 1
fi
rm -rf "$dir"
mkdir -p "$dir"
tar -xf "$tarball" -C "$dir" --strip-components=1
touch "$dir/.complete"
