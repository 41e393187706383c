# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# ./vm bench: boot what measures, then make a report of it. perf/bench.sh and
# perf/bench/run.py are the guest's part; perf/bench/render.py is run in the guest root,
# by chroot.

bench_help()
{
	cat <<END
usage: ./vm bench [--quick] [--only PATTERN] [--turns N] [--out DIR]
                  [--compare OLD.json] [--kernel KIND]
       ./vm bench --from REPORT.json [--compare OLD.json] [--out DIR]

Measures prxe beside rxe and siw, in turns, in one boot, and makes a report of it:
report.html (one file, needs no network), report.md with plots/, report.json (every
sample of every turn).

  --quick            fewer points, three turns: some three minutes at native speed;
                     without it five turns: an hour, and without KVM half an hour
                     more for what is emulated
  --only PATTERN,... only the points whose keys match one of the PATTERNs (a glob, or part
                     of a key): wire/write/bw/65536/q1/host, register, limit/tcp, import;
                     --list shows all
  --turns N          how many turns (1 to 100); fewer than 3 get no verdict
  --out DIR          where the report goes (default build/bench)
  --compare OLD      say what is faster or slower than in OLD, a report.json
  --from REPORT      measure nothing, make the report of a report.json again
  --list             the points, and exit

There are two parts: "native", traffic and registration at native speed; and "bar",
dma-bufs of PCI BARs (VRAM of softgpu, VFIO). With KVM both run in QEMU. Without, the
first runs on User Mode Linux (which is built once, in ten minutes, if it is not there)
and the second in QEMU, emulated, where only ratios mean something.
  --kernel uml       only the first part, on User Mode Linux
  --kernel production  only QEMU: both parts with KVM, without it only the second

Status 1: something could not be measured; the report has the rest and says what.
END
}

# Sets QUICK ONLY TURNS OUT COMPARE FROM LIST; all of it is checked before anything is made.
bench_options()
{
	QUICK='' ONLY='' TURNS=0 OUT=$BUILD/bench COMPARE='' FROM='' LIST=''
	while [ $# -gt 0 ]; do
		case $1 in
		--quick)	QUICK=--quick; shift; continue ;;
		--list)		LIST=yes; shift; continue ;;
		--only=*|--turns=*|--out=*|--compare=*|--from=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
		--only|--turns|--out|--compare|--from)
			[ $# -ge 2 ] || bench_usage "$1 needs a value" ;;
		*)	bench_usage "unknown option: $1" ;;
		esac
		[ -n "$2" ] || bench_usage "$1 needs a value"
		case $1 in
		--only)	ONLY=$2 ;;
		--turns)
			[[ $2 =~ ^[1-9][0-9]?$|^100$ ]] || bench_usage "--turns is a number from 1 to 100: $2"
			TURNS=$2 ;;
		--out)	OUT=$2 ;;
		--compare)
			[ -r "$2" ] || bench_usage "--compare: cannot read $2"
			COMPARE=$2 ;;
		--from)	[ -r "$2" ] || bench_usage "--from: cannot read $2"
			FROM=$2 ;;
		esac
		shift 2
	done
	if [ -n "$FROM" ] && [ "$QUICK$ONLY$TURNS$LIST" != 0 ]; then
		bench_usage "--from measures nothing: no --quick, --only, --turns or --list with it"
	fi
}

bench_usage()
{
	printf '%s\n' "vm: bench: $*" "vm: try './vm bench --help'" >&2
	exit "$EX_USAGE"
}

# in_bench ARG...: one of the programs of perf/bench in the guest root, without a boot
in_bench()
{
	root_mounts
	in_root "$ROOT" "${MOUNTS[@]}" --bind "$RUNDIR" /prxe/run -- \
		python3 -B /prxe/src/perf/bench/"$@" </dev/null
}

# What the figures depend on that the guest cannot see.
bench_host()
{
	local commit

	commit=$(git -C "$TOP" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
	cat <<END
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
cpus=$(nproc)
load=$(cut -d' ' -f1-3 /proc/loadavg)
awake=${AWAKE:+yes}
commit=$commit
arguments=$*
os=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)
END
}

# measure_part PART: on $KERNEL; what was measured stays in $RUNDIR/lines. A guest that
# died leaves what it had: the status says so.
measure_part()
{
	say "measuring: $([ "$1" = bar ] && echo "dma-bufs of PCI BARs" || echo "traffic, registration, limits")"
	# shellcheck disable=SC2086 # a word or nothing
	boot run -- /prxe/src/perf/bench.sh --part "$1" --output /prxe/run/lines \
		--turns "$TURNS" --only "$ONLY" $QUICK
	check_log
	[ "$GUEST_STATUS" -eq 0 ] || BENCH_STATUS=$GUEST_STATUS
}

# use_kernel KIND: everything for a boot of it
use_kernel()
{
	KERNEL=$1 KERNEL_TREE=
	ready_root
	ready_kernel
	build_all
}

# The parts, on the kernels that suit them.
measure_all()
{
	local kvm=

	[[ $KERNEL = uml ]] || [ "$(accelerator)" != kvm ] || kvm=yes
	if [ "$KERNEL" = uml ] || { [ -z "$KERNEL_GIVEN" ] && [ -z "$kvm" ]; }; then
		[ "$KERNEL" = uml ] || say "no KVM: native speed by User Mode Linux, PCI by emulation"
		bench_wants native && { use_kernel uml; measure_part native; }
		[ -z "$KERNEL_GIVEN" ] || return
		KERNEL=production
	elif [ -n "$kvm" ]; then
		bench_wants native && { use_kernel production; measure_part native; }
	fi
	bench_wants bar && { use_kernel production; measure_part bar; }
}

# bench_wants PART: has it any point that --only selects?
bench_wants()
{
	in_bench list.py --part "$1" --only "$ONLY" $QUICK | grep -q .
}

# report ARG...: render the report to $OUT
bench_report()
{
	local status
	local -a args=("$@")

	mkdir "$RUNDIR/report" || die "cannot make $RUNDIR/report"
	[ -z "$COMPARE" ] || args+=(--compare /prxe/run/old.json --name "$COMPARE")
	in_bench render.py "${args[@]}" --out /prxe/run/report
	status=$?
	if [ -e "$RUNDIR/report/report.json" ]; then
		mkdir -p "$OUT" && rm -f "$OUT"/plots/*.svg && cp -r "$RUNDIR"/report/. "$OUT" ||
			die "cannot write the report to $OUT"
		say "the report is $OUT/report.html (and report.md, report.json)"
	fi
	return "$status"
}

cmd_bench()
{
	local part

	BENCH_STATUS=0
	bench_options "$@"
	case $KERNEL in
	*debug)	bench_usage "figures of the kernel $KERNEL say nothing: production or uml" ;;
	esac
	[ -n "$TIMEOUT_GIVEN" ] || TIMEOUT=14400
	prepare_root
	new_rundir
	if [ -n "$LIST" ]; then
		for part in native bar; do
			in_bench list.py --part "$part" --only "$ONLY" $QUICK
		done
		exit
	fi
	if [ -n "$COMPARE" ]; then
		cp "$COMPARE" "$RUNDIR/old.json"
		in_bench render.py --check --compare /prxe/run/old.json || exit "$EX_USAGE"
	fi
	if [ -n "$FROM" ]; then
		cp "$FROM" "$RUNDIR/from.json"
		bench_report --report /prxe/run/from.json
		exit
	fi
	keep_awake || say "no /dev/cpu_dma_latency: latencies will have the time in them that processors take to wake"
	bench_host "$@" >"$RUNDIR/host"
	measure_all
	[ -e "$RUNDIR/lines" ] || die "nothing was measured"
	bench_report --lines /prxe/run/lines --host /prxe/run/host || BENCH_STATUS=1
	exit "$BENCH_STATUS"
}
