# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Messages, timed steps, the lock and the cleanup that every part of ./vm uses.
#
# What the user's command prints goes to stdout; all that ./vm says of itself
# goes to stderr.

# Exit statuses of our own; any other status is that of the guest's script.
readonly EX_USAGE=2 EX_SPLAT=123 EX_TIMEOUT=124 EX_HARNESS=125

CHILD=			# pid of the namespace that is running, see in_namespace
RUNDIR=			# this run's directory under build/, see new_rundir
TMPTREE=		# half-made tree, removed on exit
STTY=			# terminal settings to restore

say()  { printf '%s\n' "vm: $*" >&2; }
die()  { printf '%s\n' "vm: error: $*" >&2; exit "$EX_HARNESS"; }
usage_error() { printf '%s\n' "vm: $*" "vm: try './vm help'" >&2; exit "$EX_USAGE"; }

# elapsed START: seconds since START (a value of $EPOCHREALTIME), one decimal
elapsed()
{
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# step TEXT LOGNAME COMMAND...: run COMMAND with its output in a log, say what
# is being done and how long it took; print the log's end when it fails.
step()
{
	local text=$1 log=$BUILD/logs/$2.log start=$EPOCHREALTIME rc pid tick=0
	shift 2

	mkdir -p "$BUILD/logs"
	say "$text ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		tick=$((tick + 1))
		if ((tick % 150 == 0)); then
			say "  still at it, $(elapsed "$start") s ($log)"
		fi
	done
	wait "$pid"
	rc=$?
	if ((rc)); then
		tail -n 40 "$log" >&2
		say "failed after $(elapsed "$start") s: $text (whole log: $log)"
		return "$rc"
	fi
	say "  done in $(elapsed "$start") s"
}

# in_namespace COMMAND...: run COMMAND in mount and pid namespaces of its own,
# so that no mount, process or socket can outlive it, even when ./vm is killed.
in_namespace()
{
	local rc

	setpriv --pdeathsig KILL -- \
		unshare --mount --propagation private --pid --fork --kill-child -- \
		"$@" <&0 &
	CHILD=$!
	wait "$CHILD"
	rc=$?
	CHILD=
	return "$rc"
}

# in_root TREE [--ro SRC DST | --bind SRC DST]... -- COMMAND...: the same with
# TREE as the root directory (tests/vm/enter.sh does the mounts).
in_root()
{
	in_namespace bash "$TOP/tests/vm/enter.sh" "$@"
}

# One ./vm at a time in one clone: they share the root and the build trees.
take_lock()
{
	mkdir -p "$BUILD" || die "cannot create $BUILD"
	exec 9>>"$BUILD/.lock" || die "cannot open $BUILD/.lock"
	if ! flock -n 9; then
		say "another ./vm is running in this clone, waiting for it"
		flock 9 || die "cannot lock $BUILD/.lock"
	fi
	# What an earlier run could not remove because it was killed.
	rm -rf --one-file-system "$BUILD"/run.* "$BUILD"/*.tmp
}

new_rundir()
{
	RUNDIR=$(mktemp -d "$BUILD/run.XXXXXX") || die "cannot create a directory in $BUILD"
}

cleanup()
{
	local job

	trap '' INT TERM HUP
	# The shell would tell of each process that is killed here.
	exec 2>/dev/null
	[ -n "$CHILD" ] && kill -KILL "$CHILD" 2>/dev/null
	for job in $(jobs -p); do
		# A step's subshell has a namespace of its own below it.
		kill_tree "$job"
	done
	wait 2>/dev/null
	[ -n "$STTY" ] && stty "$STTY" 2>/dev/null
	[ -n "$RUNDIR" ] && rm -rf --one-file-system "$RUNDIR"
	[ -n "$TMPTREE" ] && rm -rf --one-file-system "$TMPTREE"
}

kill_tree()
{
	local pid

	for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		kill_tree "$pid"
	done
	kill -KILL "$1" 2>/dev/null
}

on_signal()
{
	say "interrupted"
	exit $((128 + $1))
}

set_traps()
{
	trap cleanup EXIT
	trap 'on_signal 2' INT
	trap 'on_signal 15' TERM
	trap 'on_signal 1' HUP
}

# need_space DIR GIGABYTES WHAT
need_space()
{
	local have

	have=$(df --output=avail -B1G -- "$1" | tail -n 1)
	if ((have < $2)); then
		die "$3 needs $2 GB in $1, which has $((have)) GB free"
	fi
}
