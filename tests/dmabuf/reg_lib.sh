# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the registration tests: one host with a prxe device and softgpu, RAM or
# BAR, and cases of reg_test on them.

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/dmabuf/softgpu_lib.sh"

# reg_setup ram|bar
reg_setup()
{
	softgpu_load "$1"
	one_host prxe
}

# reg_run ram|bar CASE: where debugfs is mounted, which it is not inside of A
reg_run()
{
	"$PRXE_BIN/reg_test" prxeA "$1" "$2" || fail "$2 failed"
}

# The modules go at once: no reference is left behind.
reg_teardown()
{
	cleanup
	rmmod prxe || fail "cannot unload prxe"
	softgpu_unload
}

# reg_cases ram|bar CASE...: the whole test
reg_cases()
{
	reg_setup "$1"
	_kind=$1
	shift
	for _case in "$@"; do
		reg_run "$_kind" "$_case"
	done
	reg_teardown
}
