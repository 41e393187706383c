# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The commands of ./vm.

vm_help()
{
	cat <<END
usage: ./vm COMMAND [--kernel KIND] [--timeout SECONDS]

Sets up a guest from Debian packages, builds prxe in it, boots it and runs:

  demo               the main job: GPU memory registered as dma-buf, RDMA to it
  test [PATTERN]     the test suite, or the tests whose group/name match PATTERN
                     (a glob, or part of a name)
  bench [ARG...]     the performance report; ./vm bench --help says more
  profile [ARG...]   where the kernel spends its time under traffic: --op, --size,
                     --device, --kind; on --kernel uml, with the host's perf
  run SCRIPT [ARG..] SCRIPT of this machine, as root in the guest; no module is
                     loaded; its output is on stdout, its exit status returned;
                     its directory is readable in the guest
  shell              a root shell in the guest
  root               print the guest's root directory (to add packages to it with
                     chroot DIR apt-get install ...)
  cached             succeeds when the kernel of --kernel needs no building
  style              checkpatch, SPDX lines, shellcheck, codespell
  help               this text

  --kernel KIND      production: Debian's backported kernel in QEMU (default)
                     debug: the same source with KASAN, lockdep, kmemleak ...
                     uml: the same source as User Mode Linux: native speed
                     without KVM, no PCI devices
                     uml-debug: User Mode Linux with the checks of debug
  --timeout SECONDS  stop the guest after that time (default $TIMEOUT; test: 3600,
                     14400 on the debug kernels)

Options come before or after COMMAND, for run before SCRIPT. Needs root on a Debian
system; everything is kept in build/ and, for the kernels built here, in
\${XDG_CACHE_HOME:-~/.cache}/prxe.

Environment: PRXE_ACCEL=kvm|tcg decides instead of the trial of KVM; PRXE_CHECK=ON
builds with W=1 C=1 and makes warnings errors; PRXE_LONG=1 is the long suite.

Exit status: that of the script; or 2 wrong usage, $EX_SPLAT the kernel complained
although the script succeeded, $EX_TIMEOUT out of time, $EX_HARNESS the guest could not be
made or died.
END
}

# From nothing to a guest root that is ours alone.
prepare_root()
{
	need_root
	set_traps
	take_lock
	mkdir -p "$BUILD/logs"
	ready_root
}

# From nothing to a built tree.
prepare()
{
	prepare_root
	ready_kernel
	build_all
	new_rundir
}

run_in_guest()
{
	boot "$@"
	check_log
	exit "$GUEST_STATUS"
}

cmd_run()
{
	local script dir
	local -a how=()

	[ $# -ge 1 ] || usage_error "run needs a script"
	[ -f "$1" ] || usage_error "run: no such file: $1"
	[ -r "$1" ] || usage_error "run: cannot read: $1"
	script=$(readlink -f -- "$1")
	shift
	dir=$(dirname "$script")
	[ -x "$script" ] || how=(/bin/sh)
	prepare
	case $script in
	"$TOP"/build/*)
		;;
	"$TOP"/*)
		# A script of the clone finds the whole clone around it.
		run_in_guest run -- "${how[@]}" "/prxe/src/${script#"$TOP"/}" "$@"
		;;
	esac
	run_in_guest run --ro "$dir" /prxe/script -- \
		"${how[@]}" "/prxe/script/$(basename "$script")" "$@"
}

cmd_shell()
{
	[ $# -eq 0 ] || usage_error "shell takes no argument"
	[ -t 0 ] || usage_error "shell needs a terminal"
	prepare
	say "leave the shell to stop the guest"
	run_in_guest shell -- /bin/bash -l
}

# part NAME SCRIPT ARG...: a script of the clone as a command of its own
cmd_part()
{
	local script=$1

	shift
	[ -x "$TOP/$script" ] || die "$script is not there"
	prepare
	run_in_guest run -- "/prxe/src/$script" "$@"
}

cmd_root()
{
	[ $# -eq 0 ] || usage_error "root takes no argument"
	prepare_root
	printf '%s\n' "$ROOT"
}

# Is the kernel there? Asked by whoever has no time to build it.
cmd_cached()
{
	[ $# -eq 0 ] || usage_error "cached takes no argument"
	prepare_root
	kernel_is_cached
	exit
}

# The style check, with the tools of the guest root.
cmd_style()
{
	[ $# -eq 0 ] || usage_error "style takes no argument"
	prepare_root
	root_mounts
	in_root "$ROOT" "${MOUNTS[@]}" -- bash /prxe/src/tests/vm/style.sh </dev/null
	exit
}

# take_option OPTION [VALUE]: sets TAKEN to the words used, 0 when it is none
take_option()
{
	TAKEN=0
	case $1 in
	--kernel=*|--timeout=*)
		take_option "${1%%=*}" "${1#*=}"
		TAKEN=1
		;;
	--kernel)
		case ${2:-} in
		production|debug|uml|uml-debug) KERNEL=$2 KERNEL_GIVEN=yes ;;
		*) usage_error "--kernel is production, debug, uml or uml-debug" ;;
		esac
		TAKEN=2
		;;
	--timeout)
		[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage_error "--timeout needs a number of seconds"
		TIMEOUT=$2
		TIMEOUT_GIVEN=yes
		TAKEN=2
		;;
	-h|--help)
		if [ "$command" = bench ]; then
			bench_help
		else
			vm_help
		fi
		exit 0
		;;
	-*)
		# The scripts behind bench and demo have options of their own.
		case $command in
		bench|demo|profile) ;;
		*) usage_error "unknown option: $1" ;;
		esac
		;;
	esac
}

vm_main()
{
	local command=
	local -a rest=()

	TIMEOUT_GIVEN='' KERNEL_GIVEN=''
	while [ $# -gt 0 ]; do
		# What follows the script of run, or a -- of bench, is not ours.
		if [ "$command" = run ] && [ "${#rest[@]}" -gt 0 ]; then
			rest+=("$@")
			break
		elif [ "$1" = -- ]; then
			shift
			rest+=("$@")
			break
		fi
		take_option "$@"
		if ((TAKEN)); then
			shift "$TAKEN"
		elif [ -z "$command" ]; then
			command=$1
			shift
		else
			rest+=("$1")
			shift
		fi
	done

	case $command in
	demo)	keep_awake || true; cmd_part tests/demo/demo.sh "${rest[@]}" ;;
	bench)	cmd_bench "${rest[@]}" ;;
	test)	cmd_test "${rest[@]}" ;;
	profile) cmd_profile "${rest[@]}" ;;
	run)	cmd_run "${rest[@]}" ;;
	shell)	cmd_shell "${rest[@]}" ;;
	cached)	cmd_cached "${rest[@]}" ;;
	style)	cmd_style "${rest[@]}" ;;
	root)	cmd_root "${rest[@]}" ;;
	help)	vm_help ;;
	'')	vm_help >&2; exit "$EX_USAGE" ;;
	*)	usage_error "unknown command: $command" ;;
	esac
}
