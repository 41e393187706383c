# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# perftest.sh: run stock perftest between the hosts of topology.sh, and read its
# figures. Source it after topology.sh, in a directory that may be written to.

# perftest takes the clock rate from /proc/cpuinfo, where some kernels do not tell
# it. Undone by perftest_clock_undo.
perftest_clock()
{
	_cpuinfo=
	grep -q 'cpu MHz' /proc/cpuinfo && return
	{ cat /proc/cpuinfo; for _cpu in 0 1 2 3; do
		printf 'processor : %d\ncpu MHz : 1000.000\n' "$_cpu"; done; } >cpuinfo
	mount --bind cpuinfo /proc/cpuinfo && _cpuinfo=yes
}

perftest_clock_undo()
{
	[ -z "${_cpuinfo:-}" ] || umount /proc/cpuinfo
	_cpuinfo=
}

# perftest_row_of COLUMN: the figure in that column of client.log; false if it is
# not a positive number
perftest_row_of()
{
	grep -A1 '#bytes' client.log | awk -v c="$1" '
		NR == 2 && $c ~ /^[0-9.]+$/ && $c > 0 { print $c; ok = 1 }
		END { exit !ok }'
}

# perftest_client COMMAND...: a client, of perftest_run's arguments. rdma_cm says of an
# ID that it listens a moment before it does, which is long on a busy machine: who comes
# in between is rejected for the service ID (8), the server does not hear of it, and
# the client comes again.
perftest_client()
{
	for _again in 1 2 3 4 5 6; do
		# shellcheck disable=SC2086 # words
		on "$_cli" ${PERFTEST_CLIENT_PREFIX:-} "$@" -d "$_kind$_cli" "$_addr" >client.log 2>&1 && return 0
		grep -q 'RDMA_CM_EVENT_REJECTED; error: 8' client.log || return 1
		sleep 0.2
	done
	return 1
}

# perftest_run SERVER CLIENT KIND ADDRESS COLUMN PROGRAM ARG...: print the figure in
# that column. The calibration of the time stamp counter goes wrong now and then on
# a busy machine: perftest gives up before any traffic, or counts in a clock that
# stands still. Only that is tried again. PERFTEST_CM: more for the server, which
# listens by rdma_cm then (-R). PERFTEST_SERVER, PERFTEST_CLIENT: more for the one and
# the other; PERFTEST_SERVER_PREFIX, PERFTEST_CLIENT_PREFIX: a command that runs it.
perftest_run()
{
	_srv=$1 _cli=$2 _kind=$3 _addr=$4 _column=$5
	shift 5
	for _try in 1 2 3 4 5 6; do
		# shellcheck disable=SC2086 # words
		on "$_srv" ${PERFTEST_SERVER_PREFIX:-} "$@" ${PERFTEST_CM:-} ${PERFTEST_SERVER:-} \
			-d "$_kind$_srv" >server.log 2>&1 &
		_server=$!
		if [ -n "${PERFTEST_CM:-}" ]; then
			wait_for 20 sh -c "rdma resource show cm_id | grep -q '$_kind$_srv.*LISTEN'" || break
		else
			wait_for 20 on "$_srv" sh -c 'ss -ltn | grep -q :18515' || break
		fi
		# shellcheck disable=SC2086
		if perftest_client "$@" ${PERFTEST_CLIENT:-} && wait "$_server"; then
			perftest_row_of "$_column" && return 0
			continue
		fi
		kill "$_server" 2>/dev/null
		wait "$_server" 2>/dev/null
		grep -qiE 'correlation coefficient|measured timestamp' client.log server.log ||
			break
	done
	echo "$* failed" >&2
	cat client.log server.log >&2
	return 1
}

# median < numbers
median()
{
	sort -n | awk '{ v[NR] = $1 } END {
		print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
