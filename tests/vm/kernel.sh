# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which kernel the guest runs.
#
#   production	Debian's own, from the guest root
#   uml, debug, uml-debug
#		built once from the same source with fragments of ours over
#		tinyconfig, kept in the user's cache under the version of the
#		source and the hash of the fragments

KERNEL=production
VERSION=		# kernel release of the guest
KERNEL_TREE=		# build tree of a kernel of ours, on the host

kernel_cache()
{
	printf '%s/prxe' "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}"
}

source_tarball()
{
	local tar

	for tar in "$ROOT"/usr/src/linux-source-*.tar.xz; do
		[ -e "$tar" ] && printf '%s' "$tar" && return
	done
	die "the guest root holds no kernel source"
}

# The fragments over tinyconfig, the later over the earlier
kernel_fragments()
{
	case $KERNEL in
	uml)		echo uml.config ;;
	debug)		echo debug.config checks.config ;;
	uml-debug)	echo uml.config checks.config uml-debug.config ;;
	esac
}

# The key names everything the result depends on: source, fragment, patch, recipe.
kernel_key()
{
	local hash patch=$KERNEL.patch

	[ -e "$TOP/tests/vm/$patch" ] || patch=
	# shellcheck disable=SC2046,SC2086 # words
	hash=$(cd "$TOP/tests/vm" && cat $(kernel_fragments) $patch kernel-inside.sh |
		sha256sum | cut -c1-12)
	printf '%s-%s-%s' "$KERNEL" "${VERSION%%+*}" "$hash"
}

make_kernel()
{
	local cache tree=$1 what=$2

	cache=$(dirname "$tree")
	mkdir -p "$cache" || die "cannot create $cache"
	need_space "$cache" 5 "the $KERNEL kernel"
	# Two clones may want the same kernel at once.
	exec 8>>"$cache/.lock-$KERNEL"
	flock -n 8 || { say "another ./vm builds this kernel, waiting for it"; flock 8; }
	if [ ! -e "$tree/.prxe-complete" ]; then
		rm -rf --one-file-system "$cache/$KERNEL.tmp"
		# Other clones may use other keys; what nobody used for a month goes.
		find "$cache" -maxdepth 1 -name "$KERNEL-*" -mtime +30 -exec rm -rf {} +
		TMPTREE=$cache/$KERNEL.tmp
		mkdir "$TMPTREE" || die "cannot create $TMPTREE"
		# shellcheck disable=SC2046 # words
		step "building the $KERNEL kernel ($what)" "kernel-$KERNEL" \
			in_root "$ROOT" --ro "$TOP" /prxe/src --bind "$TMPTREE" /prxe/kernel -- \
			nice bash /prxe/src/tests/vm/kernel-inside.sh "$KERNEL" \
			"/${tarball#"$ROOT"/}" $(kernel_fragments) ||
			die "the $KERNEL kernel could not be built"
		mv "$TMPTREE" "$tree" || die "cannot rename $TMPTREE"
		TMPTREE=
	fi
	exec 8>&-
}

# Sets KERNEL_TREE for a kernel of ours.
kernel_is_cached()
{
	[ "$KERNEL" = production ] && return
	KERNEL_TREE=$(kernel_cache)/$(kernel_key)
	[ -e "$KERNEL_TREE/.prxe-complete" ]
}

ready_kernel()
{
	local tarball

	case $KERNEL in
	production)
		return
		;;
	uml*)
		[ "$(uname -m)" = x86_64 ] || die "User Mode Linux needs an x86-64 host"
		;;
	esac
	tarball=$(source_tarball) || exit "$EX_HARNESS"
	kernel_is_cached || make_kernel "$KERNEL_TREE" "once; some 5 to 20 minutes"
	touch "$KERNEL_TREE"
	VERSION=$(cat "$KERNEL_TREE/include/config/kernel.release") ||
		die "$KERNEL_TREE is not a built kernel"
	if [ "$(cat "$ROOT/usr/lib/modules/$VERSION/.prxe-key" 2>/dev/null)" != "$(basename "$KERNEL_TREE")" ]; then
		rm -rf "${ROOT:?}/usr/lib/modules/$VERSION"
		cp -a "$KERNEL_TREE/.prxe-modules/lib/modules/$VERSION" "$ROOT/usr/lib/modules/" ||
			die "cannot install the modules of the $KERNEL kernel"
		basename "$KERNEL_TREE" >"$ROOT/usr/lib/modules/$VERSION/.prxe-key"
	fi
}
