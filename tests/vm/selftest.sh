#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# selftest.sh [KERNEL]: tests of ./vm itself, seen from outside: what it returns,
# what it prints, what it leaves behind.

set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
kernel=${1:-production}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

ok()     { echo "ok - vm: $1"; passed=$((passed + 1)); }
not_ok() { echo "not ok - vm: $1"; shift; printf '    %s\n' "$@"; failed=$((failed + 1)); }

# is NAME WANTED GOT
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "wanted: $2" "got: $3" "$(tail -n 20 "$work/err")"
	fi
}

# guest SCRIPT-TEXT ARG...: run it, stdout in out, stderr in err
guest()
{
	printf '#!/bin/bash\n%s\n' "$1" >"$work/a script.sh"
	chmod +x "$work/a script.sh"
	shift
	./vm run --kernel "$kernel" "${OPTIONS[@]}" "$work/a script.sh" "$@" \
		>"$work/out" 2>"$work/err"
}
OPTIONS=()

# What must be the same before and after: mounts, our processes, sockets, shm.
world()
{
	local dir

	sort /proc/self/mounts
	ls -A /dev/shm
	# processes in the guest root
	for dir in /proc/[0-9]*; do
		[ "$(readlink "$dir/root")" = "$PWD/build/root" ] && cat "$dir/comm"
	done
	find build -maxdepth 1 \( -name 'run.*' -o -name '*.tmp' -o -type s -o -type p \)
}

# Judging a log needs no guest.
judge()
{
	awk -v patterns=tests/vm/splats -f tests/vm/splats.awk "$work/log" >"$work/err"
}

test_judge()
{
	local line

	while IFS= read -r line; do
		printf '[    1.0] fine\n[    2.345678] %s\n[    3.0] fine\n' "$line" >"$work/log"
		judge
		is "complaint: $line" 0 $?
		printf '[    2.3][  T12] %s\r\n' "$line" >"$work/log"
		judge
		is "complaint, with thread: $line" 0 $?
	done <<-END
		WARNING: kernel/dma-buf-pfn/core.c:12 at f+0x1/0x2, CPU#0: sh/1
		WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2
		WARNING: possible recursive locking detected
		WARNING: possible circular locking dependency detected
		WARNING: suspicious RCU usage
		BUG: KASAN: slab-use-after-free in f+0x1/0x2
		BUG: sleeping function called from invalid context at mm/slab.h:1
		BUG: scheduling while atomic: sh/1/0x2
		BUG: kernel NULL pointer dereference, address: 0000000000000000
		BUG: KFENCE: use-after-free read in f+0x1/0x2
		UBSAN: shift-out-of-bounds in a.c:1:2
		Oops: general protection fault, probably for non-canonical address
		kernel BUG at lib/list_debug.c:1!
		list_add corruption. next->prev should be prev
		refcount_t: underflow; use-after-free.
		prxe-leak: unreferenced object 0xffff888012345678 (size 32):
		INFO: task sh:1 blocked for more than 120 seconds.
		rcu: INFO: rcu_preempt self-detected stall on CPU
		unregister_netdevice: waiting for veth0 to become free. Usage count = 2
		Kernel panic - not syncing: Attempted to kill init!
	END
	while IFS= read -r line; do
		printf '[    2.345678] %s\n' "$line" >"$work/log"
		judge
		is "no complaint: $line" 1 $?
	done <<-END
		clocksource: timekeeping watchdog on CPU1: Marking clocksource tsc as unstable
		prxe: loading out-of-tree module taints kernel.
		hrtimer: interrupt took 12345678 ns
		perf: interrupt took too long (2500 > 2500), lowering
		Warning: unable to open an initial console.
	END
	printf '%s\n' '[ 1.0] prxe-test: begin a/b' '[ 1.1] WARNING: x' '[ 1.2] prxe-test: end a/b' >"$work/log"
	judge
	is "a complaint that the runner judged counts once" 1 $?
	printf '%s\n' '[ 1.0] prxe-test: begin a/b' '[ 1.1] WARNING: x' >"$work/log"
	judge
	is "a complaint that ended the guest counts" 0 $?
	printf '%s\n' '[ 1.0] WARNING: mine' '[ 1.1] WARNING: other' >"$work/log"
	awk -v patterns=tests/vm/splats -v allow='^WARNING: mine' -f tests/vm/splats.awk \
		"$work/log" >"$work/err"
	is "an allowed complaint does not hide another" 0 $?
	grep -q 'WARNING: other' "$work/err"
	is "the other one is printed" 0 $?
}

test_leaks()
{
	local report

	cat >"$work/modules" <<-END
		prxe 4096 0 - Live 0xffffffffc0100000
		softgpu 16384 1 prxe, Live 0xffffffffc0200000 (O)
	END
	report=$(awk -v modules="$work/modules" -v known=tests/vm/leaks.known -f tests/vm/hex.awk -f tests/vm/leaks.awk <<-END
		unreferenced object 0xffff888012345600 (size 64):
		  backtrace (crc 1234):
		    kmalloc+0x1/0x2
		    ttm_pool_type_init+0xa1/0x1a0 [ttm]
		unreferenced object 0xffff888012345678 (size 32):
		  backtrace (crc 1234):
		    [<00000000deadbeef>] 0xffffffffc0203fff
		    0xffffffffc0100010
		    0xffffffffc0101000
		    kmalloc+0x1/0x2
	END
	)
	is "a leak" 0 $?
	is "its frames in an unloaded module, and no leak that is known" \
		"softgpu+0x3fff prxe+0x10 0xffffffffc0101000 kmalloc+0x1/0x2" \
		"$(sed 1,2d <<<"$report" | xargs)"
	awk -v known=tests/vm/leaks.known -f tests/vm/hex.awk -f tests/vm/leaks.awk /dev/null
	is "no leak" 1 $?

	printf '%s\n' "4294937296 a/one $work/none" "4294938000 a/two $work/modules" \
		"4294939000 a/three $work/none" >"$work/times"
	report=$(awk -v times="$work/times" -v known=tests/vm/leaks.known \
		-f tests/vm/hex.awk -f tests/vm/leaks.awk <<-END
		unreferenced object 0xffff888012345678 (size 32):
		  comm "x", pid 7, jiffies 4294938999
		  backtrace (crc 1234):
		    0xffffffffc0100010
		unreferenced object 0xffff888012345978 (size 32):
		  comm "x", pid 7, jiffies 4294937000
		  backtrace (crc 1234):
		    0xffffffffc0100010
	END
	)
	is "leaks of two tests" 0 $?
	is "whose the first is" "a/two prxe+0x10" "$(sed -n 4p <<<"$report" | xargs)"
	is "whose the second is" "a/one 0xffffffffc0100010" "$(sed -n 8p <<<"$report" | xargs)"
}

test_profile()
{
	printf '%s\n' '0000000060000000 T start_kernel' '0000000060001000 t rx_packet.part.0	[prxe]' \
		'0000000060002000 t other	[ib_core]' >"$work/kallsyms"
	echo "rx_packet kernel/prxe/net_rx.c" >"$work/functions"
	printf '%s\n' 60000010 60001010 60001020 60002003 7fffffffffff |
		awk -v symbols="$work/kallsyms" -v functions="$work/functions" \
			-f tests/vm/hex.awk -f tests/vm/profile.awk >"$work/out" 2>"$work/err"
	is "a profile" 0 $?
	is "its sources" "40.0 kernel/prxe/net_rx.c 20.0 (outside) 20.0 [ib_core] 20.0 the kernel itself" \
		"$(sed -n 2,5p "$work/out" | xargs)"
	is "its symbols" "40.0 rx_packet.part.0 [prxe] 20.0 (outside) 20.0 other [ib_core] 20.0 start_kernel" \
		"$(sed -n '8,$p' "$work/out" | xargs)"
	awk -v symbols="$work/kallsyms" -v functions="$work/functions" -f tests/vm/hex.awk \
		-f tests/vm/profile.awk </dev/null >"$work/out" 2>"$work/err"
	is "no samples" 1 $?
}

test_usage()
{
	local out

	out=$(./vm --kernel nonsense run x 2>&1)
	is "unknown kernel" 2 $?
	out=$(./vm --nonsense 2>&1)
	is "unknown option" 2 $?
	out=$(./vm nonsense 2>&1)
	is "unknown command" 2 $?
	out=$(./vm run "$work/nonsense" 2>&1)
	is "missing script" 2 $?
	[[ $out == *"no such file"* ]]
	is "missing script is named" 0 $?
	out=$(./vm bench --nonsense 2>&1)
	is "bench: unknown option" 2 $?
	[[ $out == *"bench: unknown option: --nonsense"* ]]
	is "bench: the option is named" 0 $?
	out=$(./vm bench --turns 0 2>&1)
	is "bench: no turns" 2 $?
	out=$(./vm bench --only= 2>&1)
	is "bench: a value is missing" 2 $?
	out=$(./vm bench --compare "$work/nonsense" 2>&1)
	is "bench: nothing to compare with" 2 $?
	out=$(./vm bench --from "$work/err" --quick 2>&1)
	is "bench: a report is not measured again" 2 $?
	out=$(./vm bench --kernel debug 2>&1)
	is "bench: not on a debug kernel" 2 $?
	out=$(./vm bench --help)
	is "bench: help" 0 $?
	[[ $out == *--compare* ]]
	is "bench: help tells of the options" 0 $?
	out=$(./vm help)
	is "help" 0 $?
	[[ $out == *--kernel* ]]
	is "help tells of the options" 0 $?
}

test_guest()
{
	local before after limit

	./vm root >"$work/out" 2>"$work/err"
	is "root" "$PWD/build/root" "$(cat "$work/out")"
	./vm cached 2>"$work/err"
	is "the production kernel needs no building" 0 $?
	XDG_CACHE_HOME=$work ./vm cached --kernel debug 2>"$work/err"
	is "an empty cache holds no debug kernel" 1 $?
	before=$(world)

	guest 'exit 0'
	is "status 0" 0 $?
	limit=$SECONDS
	guest 'true'
	# Four times what a boot and a build that has nothing to do take now.
	limit=$(((SECONDS - limit) * 4 + 10))
	is "no output, nothing on stdout" "" "$(cat "$work/out")"

	echo neighbour >"$work/neighbour"
	# shellcheck disable=SC2016 # for the guest
	guest 'printf "%s\n" "$#" "$@"; cat "$(dirname "$0")/neighbour"; echo err >&2; id -u
		grep -c . </dev/stdin; cut -d" " -f1 /proc/modules | grep -c prxe
		touch /usr/left-by-selftest; printf "no newline"; exit 3' "a b" "" '$x;"' "*"
	is "status 3" 3 $?
	is "arguments, neighbours, stdin, nothing loaded, stdout clean" \
		"$(printf '%s\n' 4 "a b" "" '$x;"' "*" neighbour 0 0 0; printf 'no newline')" \
		"$(cat "$work/out")"
	grep -qx err "$work/err"
	is "stderr" 0 $?
	[ ! -e build/root/usr/left-by-selftest ]
	is "what the guest writes does not reach the root" 0 $?

	guest 'head -c 3000000 /dev/zero | tr "\0" x'
	is "much output arrives whole" 3000000 "$(wc -c <"$work/out")"

	guest 'echo "WARNING: not a real one" >/dev/kmsg; echo done'
	is "a kernel complaint fails the run" 123 $?
	is "its output is there" "done" "$(cat "$work/out")"
	grep -q 'WARNING: not a real one' "$work/err"
	is "the complaint is printed" 0 $?

	OPTIONS=(--timeout "$limit")
	guest 'echo begin; sleep 10000'
	is "out of time" 124 $?
	is "what was printed before is there" begin "$(cat "$work/out")"
	OPTIONS=()

	guest 'echo "a long sleep 5" >/prxe/run/patience; echo begin; sleep 10000'
	is "a guest that stands still" 124 $?
	is "what it printed before is there" begin "$(cat "$work/out")"
	grep -q 'the guest stood still at a long sleep 5 s' "$work/err"
	is "it is told so" 0 $?
	if [[ $kernel != uml* ]]; then
		grep -q 'RIP=' "$work/err" && grep -q '^#0 ' "$work/err"
		is "where its processors and QEMU were is told" 0 $?
	fi

	# Killed in the middle: the guest goes with it.
	: >"$work/out"
	guest 'echo up; sleep 10000' &
	until grep -q up "$work/out"; do
		sleep 0.5
	done
	# The subshell of `guest` has ./vm as its only child.
	kill -TERM "$(cat "/proc/$!/task/$!/children")"
	wait $!
	is "SIGTERM" 143 $?
	if [[ $kernel != uml* ]]; then
		guest 'echo c >/proc/sysrq-trigger; sleep 100'
		is "a crash of the guest" 125 $?
		grep -q 'sysrq triggered crash' "$work/err"
		is "the crash is printed" 0 $?
	fi

	after=$(world)
	is "nothing is left behind" "$before" "$after"
}

test_judge
test_leaks
test_profile
test_usage
test_guest
echo "vm selftest: $passed passed, $failed failed"
((failed == 0))
