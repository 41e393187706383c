# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the host must have: root, mmdebstrap, the archive's keys, a mirror.

need_root()
{
	if [ "$(id -u)" -ne 0 ]; then
		die "needs to be root (it makes a root file system and mounts in a namespace of its own)"
	fi
	if ! unshare --mount --propagation private --pid --fork true 2>/dev/null; then
		die "may not create mount and pid namespaces here (an unprivileged container?)"
	fi
}

host_apt()
{
	DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@"
}

# install_on_host PACKAGE...
install_on_host()
{
	command -v apt-get >/dev/null ||
		die "$* is missing and this is not a Debian system; please install it"
	if [ ! -e "$BUILD/.apt-updated" ]; then
		step "reading the package lists" host-update host_apt update ||
			die "apt-get update failed on this machine"
		: >"$BUILD/.apt-updated"
	fi
	step "installing $* on this machine" host-install \
		host_apt install --no-install-recommends "$@" ||
		die "cannot install $* on this machine"
}

ready_host()
{
	rm -f "$BUILD/.apt-updated"
	command -v mmdebstrap >/dev/null || install_on_host mmdebstrap
	# Older releases of the keyring do not know the guest's release.
	if ! compgen -G '/usr/share/keyrings/debian-archive-*trixie*' >/dev/null &&
	   ! compgen -G '/etc/apt/trusted.gpg.d/*trixie*' >/dev/null; then
		install_on_host debian-archive-keyring
	fi
	command -v flock unshare stty >/dev/null || install_on_host util-linux coreutils
}

# The mirror this machine is configured for: nothing here names one.
host_mirror()
{
	local format='$(REPO_URI)' uris

	uris=$(apt-get indextargets --format "$format" 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u)
	if [ -z "$uris" ]; then
		step "reading the package lists" host-update host_apt update >&2 ||
			die "apt-get update failed on this machine"
		uris=$(apt-get indextargets --format "$format" 'Created-By: Packages' \
			'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u)
	fi
	[ -n "$uris" ] || die "apt knows no Debian mirror on this machine"
	printf '%s\n' "$uris" | head -n 1
}
