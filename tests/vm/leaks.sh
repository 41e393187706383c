# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# kmemleak, in the guest; for init and guest-runner.

readonly KMEMLEAK=/sys/kernel/debug/kmemleak

# leaks_found VARIABLE=VALUE...: let kmemleak look, print what it tells beyond
# leaks.known, and have it forget that; the variables are those of leaks.awk. False:
# nothing, or no kmemleak.
leaks_found()
{
	local here=$PRXE_TESTS/vm found
	local -a variables=("${@/#/-v}")

	[ -w "$KMEMLEAK" ] || return 1
	# An object counts as lost when it is older than five seconds and two scans
	# in a row found no pointer to it.
	sleep 5.2
	echo scan >"$KMEMLEAK"
	echo scan >"$KMEMLEAK"
	awk -v known="$here/leaks.known" "${variables[@]}" -f "$here/hex.awk" \
		-f "$here/leaks.awk" "$KMEMLEAK" >/prxe/run/leaks
	found=$?
	echo clear >"$KMEMLEAK"
	head -n 500 /prxe/run/leaks
	return "$found"
}
