# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The guest's root directory, build/root: Debian trixie with the newest kernel
# of its backports. QEMU and virtiofsd live in it too and are run by chroot, so
# that the host needs neither.
#
# It is made under another name and renamed when complete. A hash of the recipe
# (the files named below) says whether it is still the one that is wanted.

ROOT=$BUILD/root
readonly ROOT_SUITE=trixie

recipe_hash()
{
	(cd "$TOP/tests/vm" && cat packages root.sh root-inside.sh) | sha256sum | cut -c1-16
}

root_is_ready()
{
	[ "$(cat "$ROOT/etc/prxe-recipe" 2>/dev/null)" = "$(recipe_hash)" ]
}

# run_mmdebstrap TREE MIRROR
run_mmdebstrap()
{
	local tree=$1 mirror=$2 names proxy suite
	local -a lines=() options=()

	names=$(sed 's/#.*//' "$TOP/tests/vm/packages" | tr -s ' \n' ',,' | sed 's/^,//;s/,$//')
	for suite in "$ROOT_SUITE" "$ROOT_SUITE-backports"; do
		lines+=("deb $mirror $suite main" "deb-src $mirror $suite main")
	done
	proxy=$(apt-config shell P Acquire::http::Proxy 2>/dev/null)
	proxy=${proxy#P=\'}
	proxy=${proxy%\'}
	[ -n "$proxy" ] && options+=("--aptopt=Acquire::http::Proxy \"$proxy\"")

	in_namespace mmdebstrap --mode=root --variant=minbase --components=main \
		--include="$names" --aptopt='Acquire::Retries "3"' "${options[@]}" \
		"$ROOT_SUITE" "$tree" "${lines[@]}"
}

make_root()
{
	local mirror start=$EPOCHREALTIME

	ready_host
	need_space "$BUILD" 7 "the guest root and the build"
	mirror=$(host_mirror) || exit "$EX_HARNESS"
	say "making the guest root in $ROOT"
	TMPTREE=$BUILD/root.tmp
	step "installing Debian $ROOT_SUITE from $mirror" root-base \
		run_mmdebstrap "$TMPTREE" "$mirror" ||
		die "the guest root could not be made (is a package missing on the mirror?)"
	step "adding the kernel of $ROOT_SUITE-backports and the sources to build against" root-kernel \
		in_root "$TMPTREE" --ro "$TOP" /prxe/src -- \
		bash /prxe/src/tests/vm/root-inside.sh "$ROOT_SUITE" ||
		die "the guest root could not be completed"
	recipe_hash >"$TMPTREE/etc/prxe-recipe"
	rm -rf --one-file-system "$ROOT" || die "cannot remove the old $ROOT"
	mv "$TMPTREE" "$ROOT" || die "cannot rename $TMPTREE"
	TMPTREE=
	# The build trees were made by the old root's compiler and headers.
	rm -rf --one-file-system "$BUILD"/out-*
	say "guest root ready after $(elapsed "$start") s: $(du -sh "$ROOT" | cut -f1)"
}

ready_root()
{
	root_is_ready || make_root
	VERSION=$(cat "$ROOT/etc/prxe-kernel") || die "$ROOT has no kernel"
}
