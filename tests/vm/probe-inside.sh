#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# probe-inside.sh: true when KVM can run the guest's kernel. The kernel is
# booted without a root file system and has to come as far as missing it.

version=$(cat /etc/prxe-kernel)
timeout -k 2 20 qemu-system-x86_64 -accel kvm -cpu host -M q35,kernel-irqchip=split \
	-m 512 -nodefaults -display none -no-reboot \
	-device intel-iommu,intremap=on \
	-serial file:/dev/shm/probe.log \
	-kernel "/usr/lib/modules/$version/vmlinuz" \
	-append "console=ttyS0 panic=-1 intel_iommu=on no_timer_check" </dev/null
rc=$?
cat /dev/shm/probe.log
[ "$rc" -eq 0 ] && grep -q 'Unable to mount root fs' /dev/shm/probe.log
