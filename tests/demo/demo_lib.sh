# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The parts of demo.sh.

PERFTEST_RUNS=5

demo_exit()
{
	_status=$?
	perftest_clock_undo
	rm -rf "$WORK"
	cleanup
	exit "$_status"
}

# part NUMBER TITLE
part()
{
	printf '\n%s. %s\n\n' "$1" "$2"
}

failed()
{
	echo "  FAILED: $*"
	FAILED=$((FAILED + 1))
}

# What runs the guest: emulation says little about absolute speed.
machine()
{
	if [ "$PRXE_ACCEL" = none ]; then
		echo "User Mode Linux: native code, kernel entries are slow"
	elif [ "$(cat /sys/class/dmi/id/sys_vendor 2>/dev/null)" != QEMU ]; then
		echo "not emulated"
	elif grep -qs -e kvm-clock /sys/devices/system/clocksource/clocksource0/available_clocksource; then
		echo "QEMU with KVM"
	else
		echo "QEMU without KVM (TCG): every instruction is emulated"
	fi
}

introduce()
{
	if pci_gpu; then
		KIND=bar VRAM_MB=256
		_where="a PCI BAR of a virtual device"
	else
		KIND=ram VRAM_MB=128
		_where="RAM set aside (this machine has no PCI device for it)"
	fi
	cat <<END
prxe demo: RDMA to the memory of a GPU, imported as dma-buf by page frame number

Two hosts, A and B, each with a prxe device (a software RoCEv2 RDMA device), joined by a wire.
A stand-in for a GPU, softgpu, has $VRAM_MB MiB of VRAM: $_where.
A libdrm client makes buffers there and exports them as dma-bufs; ibv_reg_dmabuf_mr() makes
memory regions of them; RDMA writes, reads, sends and atomics reach them without a copy in
between. Two more hosts, C and D, have the kernel's rxe, for comparison.

  kernel   $(uname -r)
  machine  $(machine)
           Figures of a machine like that are good as ratios of each other only.
END
	sed -n 's/^model name[^:]*: /  CPU      /p' /proc/cpuinfo | head -n 1
	echo "  CPUs     $(grep -c ^processor /proc/cpuinfo)"
}

pci_gpu() { ivshmem >/dev/null 2>&1; }

# devices KIND HOST...: a row for each
devices()
{
	_kind=$1
	shift
	for _h in "$@"; do
		case $_kind,$_h in
		*,A|*,C) _n=1 ;;
		*) _n=2 ;;
		esac
		_net=0
		[ "$_kind" = rxe ] && _net=1
		printf '  %-5s %-8s %-6s %-11s %-6s %s\n' "$_h" "$_kind$_h" "eth$_h" \
			"10.77.$_net.$_n" "$MTU" "$(on "$_h" ibv_devinfo -d "$_kind$_h" |
				sed -n 's/.*active_mtu:[[:space:]]*\([0-9]*\).*/\1/p')"
	done
}

make_hosts()
{
	softgpu_load "$KIND"
	need_modules dma_buf_pfn prxe
	two_hosts prxe A B
	two_hosts rxe C D
	echo "Loaded: dma_buf_pfn (dma-buf by page frame number), softgpu (the GPU), prxe (RDMA)."
	echo
	echo "  host  device   netdev address     MTU    RDMA MTU"
	devices prxe A B
	devices rxe C D
}

# step NAME [RXE RXE]: a part that is a program
step()
{
	_name=$1
	shift
	# shellcheck disable=SC2086 # an option or nothing
	"$PRXE_BIN/prxe_demo" "$_name" "$KIND" $QUICK prxeA prxeB "$@" || failed "$_name"
}

# perftest_once KIND COLUMN PROGRAM ARG...: between the two hosts of KIND
perftest_once()
{
	_side_of=$1
	_figure_of=$2
	shift 2
	case $_side_of in
	prxe)	perftest_run A B prxe 10.77.0.1 "$_figure_of" "$@" ;;
	rxe)	perftest_run C D rxe 10.77.1.1 "$_figure_of" "$@" ;;
	esac
}

# perftest_row KEY COLUMN TITLE PROGRAM ARG...: prxe and rxe in turn
perftest_row()
{
	_key=$1 _figure=$2 _title=$3
	shift 3
	rm -f figures.*
	for _turn in $(seq "$PERFTEST_RUNS"); do
		for _side in prxe rxe; do
			perftest_once "$_side" "$_figure" "$@" >>"figures.$_side" || return 1
		done
	done
	_prxe=$(median <figures.prxe)
	_rxe=$(median <figures.rxe)
	printf '  %-34s %10.1f %10.1f\n' "$_title" "$_prxe" "$_rxe"
	echo "perftest.prxe.$_key $_prxe" >>"$DEMO_RESULTS"
	echo "perftest.rxe.$_key $_rxe" >>"$DEMO_RESULTS"
}

stock_perftest()
{
	cd "$WORK" || exit 1
	perftest_clock
	echo
	echo "Stock perftest, host memory between two hosts, medians of $PERFTEST_RUNS runs in turn:"
	echo
	printf '  %-34s %10s %10s\n' "" prxe rxe
	perftest_row bw 4 "ib_write_bw -s 65536, MiB/s" ib_write_bw -F -s 65536 -n 300 &&
		perftest_row lat 5 "ib_write_lat -s 2, us (typical)" ib_write_lat -F -s 2 -n 300 ||
		failed "stock perftest"
	cd /
}

# What must not have happened anywhere.
check_counters()
{
	echo "Counters that must be 0 (rdma statistic):"
	_bad=0
	for _name in icrc_errors malformed_pkts retry_exceeded_err retry_rnr_exceeded_err \
		     cq_overflows rcvd_err_nak; do
		_a=$(cat "/sys/class/infiniband/prxeA/ports/1/hw_counters/$_name") || _a=missing
		_b=$(cat "/sys/class/infiniband/prxeB/ports/1/hw_counters/$_name") || _b=missing
		printf '  %-24s prxeA %s, prxeB %s\n' "$_name" "$_a" "$_b"
		[ "$_a$_b" = 00 ] || _bad=1
	done
	[ "$_bad" = 0 ] || failed "counters"
}

# Nothing is left that holds a reference: the modules go at once.
take_down()
{
	for _what in mr qp cq pd; do
		# ib_core has a QP, a CQ and a PD of its own for the management port.
		_left=$(rdma resource show "$_what" | grep -E 'dev prxe|^link prxe' | grep -v '\[ib_core\]')
		[ -z "$_left" ] || failed "left behind: $_left"
	done
	cleanup
	trap 'demo_exit' EXIT
	rdma link show | grep -q prxe && failed "a device is left"
	for _module in prxe softgpu dma_buf_pfn; do
		rmmod "$_module" || failed "cannot unload $_module"
	done
	echo "All regions are gone, and the modules are unloaded."
}

# value KEY
value()
{
	awk -v key="$1" '$1 == key { v = $2 } END { if (v == "") exit 1; print v }' "$DEMO_RESULTS"
}

# goal TEXT OPERATOR BAR NUMERATOR [DENOMINATOR]: a line with a ratio
goal()
{
	_x=$(value "$4") || return 0
	_y=1
	[ -z "$5" ] || _y=$(value "$5") || return 0
	awk -v text="$1" -v op="$2" -v bar="$3" -v x="$_x" -v y="$_y" 'BEGIN {
		r = y > 0 ? x / y : 0
		ok = op == ">=" ? r >= bar : r <= bar
		printf "  %-66s %6.2f   %s %-4s %s\n", text, r, op, bar, ok ? "met" : "MISSED"
	}'
}

summary()
{
	[ -z "$QUICK" ] || return 0
	part 7 "The goals"
	printf '  %-66s %6s   %s\n' "" ratio goal
	goal "registration of VRAM, largest / 4 KiB" "<=" 1.5 register.ratio
	goal "the same with the first access to each extent" "<=" 1.5 register.ratio_with_access
	goal "write bandwidth, 64 KiB, prxe / rxe (stock perftest)" ">=" 1.5 \
		perftest.prxe.bw perftest.rxe.bw
	goal "write latency, 2 B, prxe / rxe (stock perftest)" "<=" 0.7 \
		perftest.prxe.lat perftest.rxe.lat
	goal "write bandwidth, 64 KiB, prxe / rxe (table of part 5)" ">=" 1.5 \
		speed.wire.host.bw.65536 speed.wire.rxe.bw.65536
	goal "write latency, 2 B, prxe / rxe (table of part 5)" "<=" 0.7 \
		speed.wire.host.lat.2 speed.wire.rxe.lat.2
	goal "write bandwidth, 64 KiB, VRAM / host memory, between hosts" ">=" 0.9 \
		speed.wire.vram.bw.65536 speed.wire.host.bw.65536
	goal "write bandwidth, 64 KiB, VRAM / host memory, on one device" ">=" 0.9 \
		speed.local.vram.bw.65536 speed.local.host.bw.65536
	echo
}

write_json()
{
	awk -v kernel="$(uname -r)" -v machine="$(machine)" 'BEGIN {
		printf "{\n  \"kernel\": \"%s\",\n  \"machine\": \"%s\"", kernel, machine }
	{ printf ",\n  \"%s\": %s", $1, $2 } END { print "\n}" }' "$DEMO_RESULTS"
}
