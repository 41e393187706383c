# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# ./vm test: the unit tests in the guest root, then the guest tests, in as few
# boots as they allow: when one of them takes the kernel down, or leaves it so
# that the next could not be trusted, the guest is booted again for the rest.
#
# Emulated, the debug kernel takes hours for the whole suite. Without KVM it runs
# the tests that need QEMU, and uml-debug, which has the same checks at native
# speed, runs the others.

# all_tests: group/name of each guest test, in order
all_tests()
{
	local file group

	for file in "$TOP"/tests/*/*.test; do
		[ -e "$file" ] || continue
		group=$(basename "$(dirname "$file")")
		printf '%s/%s\n' "$group" "$(basename "$file" .test)"
	done
}

# matches NAME PATTERN: PATTERN is empty, a glob, or a part of the name
matches()
{
	# shellcheck disable=SC2053 # the pattern is meant to be one
	[[ -z $2 || $1 == $2 || $1 == *"$2"* ]]
}

# needs_qemu NAME: has it to do with PCI, or would one processor show little?
needs_qemu()
{
	case $1 in
	torture/*|*/*race*|demo/demo) return 0 ;;
	esac
	sed -n '1,20s/^# *requires: *//p' "$TOP/tests/$1.test" | grep -qwE 'pci|vfio|ftrace'
}

count()
{
	grep -c "^end $1 " "$RUNDIR/results"
}

run_unit_tests()
{
	local out=$BUILD/out-$KERNEL

	root_mounts
	in_root "$ROOT" "${MOUNTS[@]}" --bind "$out" /prxe/build --bind "$RUNDIR" /prxe/run -- \
		python3 /prxe/src/tests/vm/unit-inside.py "$1" </dev/null
}

# The test that was running when the guest died has failed.
settle_crash()
{
	local name

	name=$(sed -n '$s/^begin //p' "$RUNDIR/results")
	[ -n "$name" ] || return 1
	NUMBER=$(($(grep -c '^end ' "$RUNDIR/results") + 1))
	if [ -e "$RUNDIR/stuck" ]; then
		printf 'not ok %d - %s (the guest stood still)\n' "$NUMBER" "$name"
		sed 's/^/    /' "$RUNDIR/stuck"
	elif [ "$GUEST_STATUS" -eq "$EX_TIMEOUT" ]; then
		printf 'not ok %d - %s (the guest ran out of time)\n' "$NUMBER" "$name"
	else
		printf 'not ok %d - %s (the guest died)\n' "$NUMBER" "$name"
	fi
	sed 's/^/    /' "$RUNDIR/logs/${name//\//.}.log" 2>/dev/null
	tail -n 30 "$RUNDIR/kernel.log" | sed 's/^/    /'
	printf 'end fail %s\n' "$name" >>"$RUNDIR/results"
}

# A complaint between or after the tests is nobody's, and a failure.
judge_boot()
{
	local found

	if found=$(splats "$RUNDIR/kernel.log"); then
		NUMBER=$(($(grep -c '^end ' "$RUNDIR/results") + 1))
		printf 'not ok %d - kernel/log (complaint outside of a test)\n' "$NUMBER"
		printf '%s\n' "$found"
		printf 'end fail kernel/log\n' >>"$RUNDIR/results"
	fi
}

remaining_tests()
{
	local name

	for name in "${GUEST_TESTS[@]}"; do
		grep -qE "^end [a-z]+ $name\$" "$RUNDIR/results" || printf '%s\n' "$name"
	done
}

run_guest_tests()
{
	local left before

	while :; do
		remaining_tests >"$RUNDIR/tests"
		left=$(wc -l <"$RUNDIR/tests")
		((left)) || return
		boot run -- /prxe/src/tests/vm/guest-runner
		settle_crash || true
		judge_boot
		before=$left
		left=$(remaining_tests | wc -l)
		if ((left == before)); then
			# Not even the first began: booting again would not help.
			printf 'not ok - kernel/boot (the guest ran no test)\n'
			tail -n 30 "$RUNDIR/kernel.log" | sed 's/^/    /'
			printf 'end fail kernel/boot\n' >>"$RUNDIR/results"
			return
		fi
		((left)) && say "$left tests to go, in a new guest"
	done
}

# select_tests PATTERN PART: sets GUEST_TESTS; PART is all, qemu or rest
select_tests()
{
	local name

	GUEST_TESTS=()
	while IFS= read -r name; do
		matches "$name" "$1" || continue
		[ -x "$TOP/tests/$name.test" ] || die "tests/$name.test is not executable"
		case $2 in
		qemu)	needs_qemu "$name" || continue ;;
		rest)	! needs_qemu "$name" || continue ;;
		esac
		GUEST_TESTS+=("$name")
	done < <(all_tests)
}

# run_in_two PATTERN: what needs QEMU on the debug kernel, the others on uml-debug
run_in_two()
{
	say "no KVM: what needs neither PCI nor several processors runs on uml-debug"
	select_tests "$1" qemu
	run_guest_tests
	select_tests "$1" rest
	((${#GUEST_TESTS[@]})) || return
	KERNEL=uml-debug
	ready_root
	ready_kernel
	build_all
	run_guest_tests
}

report_tests()
{
	local passed failed skipped

	rm -rf "$BUILD/logs/tests"
	cp -r "$RUNDIR/logs" "$BUILD/logs/tests"
	passed=$(count pass) failed=$(count fail) skipped=$(count skip)
	if ((failed)); then
		printf '\nfailed:\n'
		sed -n 's/^end fail /  /p' "$RUNDIR/results"
		printf '\n'
	fi
	say "tests took $(elapsed "$1") s; their output is in $BUILD/logs/tests"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	((failed == 0 && passed > 0))
	exit
}

cmd_test()
{
	local pattern
	local start=$EPOCHREALTIME

	[ $# -le 1 ] || usage_error "test takes one pattern"
	pattern=${1:-}
	if [ -z "$TIMEOUT_GIVEN" ]; then
		TIMEOUT=3600
		[[ $KERNEL != *debug ]] || TIMEOUT=14400
		[ "${PRXE_LONG:-0}" = 0 ] || TIMEOUT=$((TIMEOUT * 10))
	fi
	prepare
	mkdir "$RUNDIR/logs"
	: >"$RUNDIR/results"

	select_tests "$pattern" all
	run_unit_tests "$pattern" || die "the unit tests could not be run"
	if [ "${#GUEST_TESTS[@]}" -eq 0 ] && [ ! -s "$RUNDIR/results" ]; then
		say "no test matches '$pattern'"
		exit "$EX_USAGE"
	fi
	if [ "$KERNEL" = debug ] && [ "$(accelerator)" = tcg ]; then
		run_in_two "$pattern"
	else
		run_guest_tests
	fi
	report_tests "$start"
}
