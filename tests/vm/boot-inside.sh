#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# boot-inside.sh: run the virtual machine described by /prxe/run/conf; runs in
# the guest root by chroot, in namespaces of its own, so that all it starts ends
# with it. Exit status: the emulator's, or 124 when the time ran out.
#
# The script's stdout and stderr come through channels of their own (virtio
# serial ports under QEMU, ttys under UML); the kernel's console is a file.
#
# Files in /prxe/run beside those that guest.sh names:
#   patience		NAME SECONDS, by the guest: what it is at, and how long that may
#			take before it must write this file again
#   stuck		the state of a guest that did not
#   monitor.in, .out	QEMU's monitor

# QEMU takes lists with commas in one word.
# shellcheck disable=SC2054

set -u
cd /prxe/run || exit 1
. ./conf

readers=()
readonly INIT=/prxe/src/tests/vm/init

# Fifos between the emulator and our stdout and stderr.
open_channels()
{
	rm -f out err
	mkfifo out err
	cat out &
	readers+=($!)
	cat err >&2 &
	readers+=($!)
}

# Each reader ends when the emulator has closed its end.
close_channels()
{
	local fifo

	for fifo in out err log; do
		# Where the emulator never opened it, the reader still waits.
		[ -p "$fifo" ] && : >"$fifo" &
	done
	[ "${#readers[@]}" -eq 0 ] && return
	# What is left of a killed emulator may hold the other end a little longer.
	((SECONDS < TIMEOUT)) || (sleep 3; kill "${readers[@]}") 2>/dev/null &
	wait "${readers[@]}"
}

# What the emulator's threads are doing, and what QEMU and the guest's kernel say.
look_at_guest()
{
	local emulator=$1 thread

	for thread in "/proc/$emulator"/task/*; do
		echo "$(cat "$thread/comm"): $(sed 's/.*) //; s/ .*//' "$thread/stat")" \
			"in $(cat "$thread/wchan")"
	done
	[ -p monitor.in ] || return
	printf '%s\n' "info registers -a" "sendkey alt-sysrq-w" >monitor.in
	timeout 5 cat monitor.out | grep -aE '^(CPU#|RIP=)' || echo "QEMU does not answer"
	echo "virtiofsd: $(pgrep -c -x virtiofsd) processes"
	cat virtiofsd.log
	timeout 60 gdb -p "$emulator" -batch -ex "thread apply all backtrace 6" 2>/dev/null |
		grep -E '^(Thread|#)'
} 2>&1

# A guest that stands still cannot stop a test that takes too long, nor boot again.
watch_guest()
{
	local name=$1 now seen="" since=$SECONDS emulator

	while sleep 2; do
		now=$(cat patience 2>/dev/null)
		[ "$now" = "$seen" ] || since=$SECONDS
		seen=$now
		[[ -n $now && $((SECONDS - since)) -gt ${now##* } ]] || continue
		emulator=$(pgrep -o -x "$name")
		look_at_guest "$emulator" >stuck
		pkill -KILL -x "$name"
		return
	done
}

run_uml()
{
	local -a console

	if [ "$MODE" = shell ]; then
		console=(con0=fd:0,fd:1 con1=null)
		exec 5<&0 6>&1
	else
		open_channels
		exec 5>out 6>err
		console=(con0=null,fd:5 con1=null,fd:6)
	fi
	# tty2 is the kernel's console. Its own "stderr" console ends with the boot.
	rm -f log
	mkfifo log
	cat log >kernel.log &
	readers+=($!)
	exec 7>log
	console+=(con2=null,fd:7 console=tty2)
	mkdir -p /dev/shm/uml
	watch_guest linux 5>&- 6>&- 7>&- &
	TMPDIR=/dev/shm/uml timeout --foreground -k 5 "$TIMEOUT" \
		/prxe/kernel/linux mem="${GUEST_MB}M" ncpus="$CPUS" seccomp=on \
		uml_dir=/dev/shm/uml rootfstype=hostfs rootflags=/ rw init="$INIT" \
		"${console[@]}" loglevel=7 panic=-1 oops=panic 2>&7
	rc=$?
	exec 5>&- 6>&- 7>&-
	close_channels
	return "$rc"
}

start_virtiofsd()
{
	local i

	# In a chroot and namespaces already, so no sandbox of its own. The guest may
	# cache for ever (without that each exec would read its libraries again): what
	# it reads does not change while it runs. Mounts below the root look like
	# plain directories, since overlayfs takes no automount points.
	/usr/libexec/virtiofsd --socket-path=/dev/shm/root.sock --shared-dir=/ --sandbox=none \
		--cache=always --no-announce-submounts --log-level=error 2>virtiofsd.log &
	for ((i = 0; i < 200; i++)); do
		[ -S /dev/shm/root.sock ] && return
		sleep 0.05
	done
	echo "virtiofsd did not start:" >&2
	cat virtiofsd.log >&2
	return 1
}

run_qemu()
{
	local image=/usr/lib/modules/$VERSION/vmlinuz append
	local -a cpu args
	local clock=""

	[ "$KERNEL" = debug ] && image=/prxe/kernel/arch/x86/boot/bzImage
	start_virtiofsd || return 1

	if [ "$ACCEL" = kvm ]; then
		cpu=(-accel kvm -cpu host)
	else
		# family=23: pci_p2pdma accepts peers under different root ports there.
		# la57=off: an interrupt in identify_cpu(), which forgets the CPU's
		# features for a moment, makes KASAN take four levels for five
		cpu=(-accel tcg,thread=multi -cpu max,family=23,la57=off)
		# A busy host makes the TSC look unstable, and the HPET is slow to read.
		clock="tsc=reliable"
	fi
	append="rootfstype=virtiofs root=root rw init=$INIT console=ttyS0 loglevel=7"
	append+=" panic=-1 oops=panic intel_iommu=on no_timer_check log_buf_len=4M"
	append+=" net.ifnames=0 mitigations=off"
	# A virtual CPU that a busy host does not run looks stuck: the watchdogs get
	# patience, so that what they report is real.
	append+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
	append+=" workqueue.watchdog_thresh=120 sysrq_always_enabled $clock"

	# eim: the APICs are in x2APIC mode then. A write to memory-mapped registers
	# can get lost in QEMU when another CPU changes the memory map meanwhile, as a
	# reset of a PCI device does; an EOI that got lost stopped the guest for good.
	args=(
		"${cpu[@]}" -M q35,kernel-irqchip=split -smp "$CPUS" -m "${GUEST_MB}M"
		-nodefaults -display none -no-reboot -kernel "$image" -append "$append"
		-serial file:/prxe/run/kernel.log
		-object memory-backend-memfd,id=mem,size="${GUEST_MB}M",share=on
		-numa node,memdev=mem
		-device intel-iommu,intremap=on,eim=on
		-chardev socket,id=root,path=/dev/shm/root.sock
		-device vhost-user-fs-pci,chardev=root,tag=root
		-object memory-backend-memfd,id=vram0,size="${VRAM_MB}M",share=on
		-object memory-backend-memfd,id=vram1,size="${VRAM_MB}M",share=on
		-device pcie-root-port,id=rp0,chassis=1,slot=1
		-device pcie-root-port,id=rp1,chassis=2,slot=2
		-device ivshmem-plain,id=gpu0,memdev=vram0,bus=rp0
		-device ivshmem-plain,id=gpu1,memdev=vram1,bus=rp1
		-device pcie-root-port,id=rp2,chassis=3,slot=3
		-device nvme,id=nvme0,serial=prxe,cmb_size_mb=8,legacy-cmb=on,bus=rp2
		-device virtio-gpu-pci -device bochs-display
		-device virtio-serial-pci
	)
	rm -f monitor.in monitor.out
	mkfifo monitor.in monitor.out
	args+=(-chardev pipe,id=monitor,path=monitor -mon chardev=monitor)
	if [ "$MODE" = shell ]; then
		args+=(-chardev stdio,id=con,signal=off -device virtconsole,chardev=con)
	else
		open_channels
		args+=(
			-chardev file,id=out,path=/prxe/run/out
			-device virtserialport,chardev=out,name=out
			-chardev file,id=err,path=/prxe/run/err
			-device virtserialport,chardev=err,name=err
		)
	fi
	# comm has 15 characters
	watch_guest qemu-system-x86 &
	timeout --foreground -k 5 "$TIMEOUT" qemu-system-x86_64 "${args[@]}"
	rc=$?
	close_channels
	return "$rc"
}

if [[ $KERNEL == uml* ]]; then
	run_uml
else
	run_qemu
fi
rc=$?
# timeout(1) says 137 of an emulator that had to be killed, as UML has to be.
[ "$SECONDS" -lt "$TIMEOUT" ] && [ ! -e stuck ] || rc=124
exit "$rc"
