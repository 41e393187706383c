# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# ./vm profile: where the guest's kernel spends its time. User Mode Linux is a
# process, so that the host's perf can take samples of it; the symbols, those of
# modules too, are the guest's own.

# The guest's process: perf(1) is outside of its namespaces.
uml_pid()
{
	local pid

	for pid in $(pgrep -x linux); do
		[ "$(readlink "/proc/$pid/root")" = "$ROOT" ] || continue
		# the first is the kernel, the others are its helpers
		echo "$pid"
		return
	done
	return 1
}

# wait_file FILE PID: until FILE is there; false when PID is gone before that
wait_file()
{
	until [ -e "$1" ]; do
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.1
	done
}

# our_functions: the functions that our modules' sources define, each with its file
our_functions()
{
	(cd "$TOP" && awk '
		/;[ \t]*$/ { next }
		match($0, /^[a-z][a-zA-Z0-9_ *]*[ *][a-z_][a-z0-9_]*\(/) {
			name = substr($0, 1, RLENGTH - 1)
			sub(/.*[ *]/, "", name)
			print name, FILENAME
		}' kernel/*/*.c)
}

take_samples()
{
	local pid perf

	wait_file "$RUNDIR/profile.begin" "$$" || return
	pid=$(uml_pid) || { say "cannot find the guest's process"; return; }
	perf record -q -e cpu-clock -F 1997 -p "$pid" -o "$RUNDIR/perf.data" \
		2>"$BUILD/logs/perf.log" &
	perf=$!
	wait_file "$RUNDIR/profile.end" "$pid"
	kill -INT "$perf"
	wait "$perf"
	: >"$RUNDIR/profile.done"
}

cmd_profile()
{
	[ "$KERNEL" = uml ] || usage_error "profile needs --kernel uml"
	[ -x "$TOP/perf/profile.sh" ] || die "perf/profile.sh is not there"
	command -v perf >/dev/null || die "profile needs perf (apt install linux-perf)"
	prepare
	keep_awake || true
	take_samples &
	boot run -- /prxe/src/perf/profile.sh "$@"
	check_log
	[ "$GUEST_STATUS" -eq 0 ] || exit "$GUEST_STATUS"
	wait_file "$RUNDIR/profile.done" "$$"
	perf script -i "$RUNDIR/perf.data" -F ip 2>>"$BUILD/logs/perf.log" |
		awk -v symbols="$RUNDIR/kallsyms" -v functions=<(our_functions) -f "$TOP/tests/vm/hex.awk" \
			-f "$TOP/tests/vm/profile.awk"
	exit
}
