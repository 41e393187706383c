# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the tests of perf/: perftest with dma-bufs for memory.

. "$PRXE_TESTS/lib/topology.sh"
. "$PRXE_TESTS/lib/perftest.sh"

PERFTEST=/usr/lib/prxe/perftest

fail()
{
	echo "$*" >&2
	exit 1
}

# need_vram MIB: softgpu over so much RAM
need_vram()
{
	modprobe softgpu "vram_mb=$1" || fail "cannot load softgpu"
}

# perf_hosts: two hosts, and a directory to work in
perf_hosts()
{
	need_modules prxe
	[ -e /dev/udmabuf ] || modprobe udmabuf
	two_hosts prxe
	WORK=$(mktemp -d) || exit 1
	cd "$WORK" || exit 1
	perftest_clock
	trap 'perftest_clock_undo; cleanup; cd /; rm -rf "$WORK"' EXIT
}

# cm_of ARG...: for PERFTEST_CM, where rdma_cm listens (-R): at an address, so that the
# listener is seen to be this device's
cm_of()
{
	case " $* " in
	*" -R "*) echo "--bind_source_ip $IP4_A" ;;
	esac
}

# between SERVER-KIND CLIENT-KIND COLUMN PROGRAM ARG...: one run, with those dma-bufs
# at the ends; "host" is ordinary memory, "fd:7" a dma-buf of the heap that is open
between()
{
	_at_server=$1 _at_client=$2 _col=$3 _program=$4
	shift 4
	PERFTEST_SERVER=$(option "$_at_server") PERFTEST_CLIENT=$(option "$_at_client")
	PERFTEST_SERVER_PREFIX=$(prefix "$_at_server") PERFTEST_CLIENT_PREFIX=$(prefix "$_at_client")
	PERFTEST_CM=$(cm_of "$@")
	_figure=$(perftest_run A B prxe "$IP4_A" "$_col" "$PERFTEST/$_program" "$@") ||
		fail "$_program $*: $_at_server from $_at_client"
	PERFTEST_SERVER='' PERFTEST_CLIENT='' PERFTEST_CM=''
	PERFTEST_SERVER_PREFIX='' PERFTEST_CLIENT_PREFIX=''
	echo "$_program $*: $_at_server from $_at_client: $_figure"
	uses "$_at_server" server.log
	uses "$_at_client" client.log
}

# option KIND
option()
{
	[ "$1" = host ] || echo "--use_dmabuf=$1"
}

# prefix KIND
prefix()
{
	[ "$1" != fd:7 ] || echo "$PRXE_BIN/with_dmabuf heap 65536 7"
}

# uses KIND LOG: perftest registered a dma-buf, or no dma-buf
uses()
{
	case $1 in
	host)	! grep -q ibv_reg_dmabuf_mr "$2" || fail "a dma-buf, not host memory" ;;
	*)	grep -q "^allocated dma-buf of .*: $1\$" "$2" &&
			grep -q "^Calling ibv_reg_dmabuf_mr" "$2" || fail "no dma-buf in $2" ;;
	esac
}

# refused MESSAGE COMMAND...: it ends with status 1 and says so on stderr
refused()
{
	_message=$1
	shift
	timeout 60 "$@" >refused.out 2>refused.err
	_status=$?
	[ "$_status" = 1 ] || { cat refused.out refused.err; fail "$*: status $_status"; }
	grep -qF -e "$_message" refused.err || {
		cat refused.err
		fail "$*: not \"$_message\""
	}
}
