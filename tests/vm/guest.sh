# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One boot of the guest, and the judgement of its kernel log.
#
# The run directory, build/run.XXXXXX, is /prxe/run in the root and in the
# guest. In it:
#   conf		variables for boot-inside.sh and the guest's init
#   args		the script and its arguments, each ended by NUL
#   status		written by the guest: the script's exit status
#   kernel.log		the guest's console
#   results, tests	of the test runner

TIMEOUT=1200		# seconds that one boot may take, ./vm --timeout
GUEST_MB=3072
VRAM_MB=256
CPUS=2

# guest_conf NAME VALUE
guest_conf()
{
	printf '%s=%q\n' "$1" "$2" >>"$RUNDIR/conf"
}

# boot MODE [--ro SRC DST]... -- ARG...: boot the guest and run ARG... in it.
# MODE is run or shell. Leaves the exit status in GUEST_STATUS: the script's,
# or one of EX_*, when it has none.
boot()
{
	local mode=$1 rc start=$EPOCHREALTIME
	local -a extra=()

	shift
	while [ "$1" != -- ]; do
		extra+=("$1" "$2" "$3")
		shift 3
	done
	shift

	: >"$RUNDIR/conf"
	rm -f "$RUNDIR/status" "$RUNDIR/kernel.log" "$RUNDIR/patience" "$RUNDIR/stuck"
	guest_conf MODE "$mode"
	guest_conf KERNEL "$KERNEL"
	guest_conf VERSION "$VERSION"
	guest_conf GUEST_MB "$GUEST_MB"
	guest_conf VRAM_MB "$VRAM_MB"
	guest_conf CPUS "$CPUS"
	guest_conf TIMEOUT "$TIMEOUT"
	guest_conf ACCEL "$(accelerator)"
	guest_conf LONG "${PRXE_LONG:-0}"
	if [ "$mode" = shell ]; then
		guest_conf SIZE "$(stty size 2>/dev/null || echo 24 80)"
		guest_conf GUEST_TERM "${TERM:-linux}"
	fi
	printf '%s\0' "$@" >"$RUNDIR/args"

	say "booting $VERSION"
	[ -t 0 ] && STTY=$(stty -g)
	root_mounts
	in_root "$ROOT" "${MOUNTS[@]}" "${extra[@]}" --bind "$RUNDIR" /prxe/run -- \
		bash /prxe/src/tests/vm/boot-inside.sh
	rc=$?
	[ -n "$STTY" ] && stty "$STTY" && STTY=

	if [ -e "$RUNDIR/stuck" ]; then
		say "the guest stood still at $(cat "$RUNDIR/patience") s"
		cat "$RUNDIR/stuck" >&2
		GUEST_STATUS=$EX_TIMEOUT
	elif [ "$rc" -eq "$EX_TIMEOUT" ]; then
		say "the guest was stopped after $TIMEOUT s (--timeout)"
		GUEST_STATUS=$EX_TIMEOUT
	elif [ -s "$RUNDIR/status" ]; then
		GUEST_STATUS=$(cat "$RUNDIR/status")
	else
		say "the guest ended without a status (status $rc of the emulator)"
		GUEST_STATUS=$EX_HARNESS
	fi
	say "guest ended after $(elapsed "$start") s, status $GUEST_STATUS"
	keep_log
}

# keep_awake: what idles polls from now on, as long as this shell lives, like under
# cyclictest. A system call of User Mode Linux is a switch between two processes, and a
# virtual machine's processor that sleeps takes tens of microseconds to wake for it.
# False where there is no such control.
AWAKE=
keep_awake()
{
	[ -w /dev/cpu_dma_latency ] && exec {AWAKE}>/dev/cpu_dma_latency &&
		printf '\0\0\0\0' >&"$AWAKE"
}

# The log of the last boot stays for inspection.
keep_log()
{
	[ -e "$RUNDIR/kernel.log" ] && cp "$RUNDIR/kernel.log" "$BUILD/logs/guest.log"
}

# accelerator: kvm or tcg. /dev/kvm may exist and not be able to run a kernel,
# so one is booted until it finds no root; asked once per boot of the host.
accelerator()
{
	local stamp=$BUILD/.accelerator id

	[[ $KERNEL == uml* ]] && { echo none; return; }
	[ -n "${PRXE_ACCEL:-}" ] && { echo "$PRXE_ACCEL"; return; }
	[ -w /dev/kvm ] || { echo tcg; return; }
	id="$(cat /proc/sys/kernel/random/boot_id) $(cat "$ROOT/etc/prxe-kernel")"
	if [ "$(sed 1d "$stamp" 2>/dev/null)" != "$id" ]; then
		if step "booting a kernel on KVM to see whether it works" kvm-probe \
			in_root "$ROOT" --ro "$TOP" /prxe/src -- \
			bash /prxe/src/tests/vm/probe-inside.sh 2>/dev/null; then
			printf 'kvm\n%s\n' "$id" >"$stamp"
		else
			say "/dev/kvm cannot run the guest; using QEMU's own translation (slower)"
			printf 'tcg\n%s\n' "$id" >"$stamp"
		fi
	fi
	head -n 1 "$stamp"
}

# splats FILE: print the first kernel complaint of FILE with its context, and
# the lines that start the others. False when there is none. The parts that the
# test runner has judged (between its begin and end marks) are left out.
splats()
{
	awk -v patterns="$TOP/tests/vm/splats" -f "$TOP/tests/vm/splats.awk" "$1"
}

# check_log: turn a success into a failure when the kernel complained.
check_log()
{
	local found

	[ -e "$RUNDIR/kernel.log" ] || return 0
	if found=$(splats "$RUNDIR/kernel.log"); then
		say "the guest's kernel complained (whole log: $BUILD/logs/guest.log):"
		printf '%s\n' "$found" >&2
		[ "$GUEST_STATUS" -eq 0 ] && GUEST_STATUS=$EX_SPLAT
	fi
	return 0
}
