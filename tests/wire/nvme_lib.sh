# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# NVMe over Fabrics between two RDMA devices, for nvme*.test. Both ends of it work in the
# first network namespace only, so both are there:
#
#	nvme host, ethA 10.79.0.1 ==veth== ethB 10.79.0.2, nvme target
#			prxeA		prxeB		    |
#						  /dev/prxenull, in memory
#
# Addresses are resolved by neighbour entries, and packets to one's own host take the
# loopback device, where netem can lose some.

# shellcheck source=tests/lib/topology.sh
. "$PRXE_TESTS/lib/topology.sh"

readonly CONFIGFS=/sys/kernel/config NQN=prxe
readonly HOST_ID=11111111-2222-3333-4444-555555555555
readonly TARGET=$CONFIGFS/nvmet NULLB=$CONFIGFS/nullb/prxenull

fail()
{
	echo "$*"
	exit 1
}

# nvme_network KIND: the devices KINDA and KINDB
nvme_network()
{
	local end

	ip link set lo up
	ip link add ethA type veth peer name ethB || fail "no veth pair"
	for end in A B; do
		ip link set "eth$end" mtu 4200 up
	done
	ip addr add 10.79.0.1/24 dev ethA
	ip addr add 10.79.0.2/24 dev ethB
	ip neigh add 10.79.0.2 dev ethA lladdr "$(cat /sys/class/net/ethB/address)"
	ip neigh add 10.79.0.1 dev ethB lladdr "$(cat /sys/class/net/ethA/address)"
	for end in A B; do
		rdma link add "$1$end" type "$1" netdev "eth$end" || fail "no $1$end"
		wait_for 20 grep -q ACTIVE "/sys/class/infiniband/$1$end/ports/1/state" ||
			fail "$1$end does not become active"
		wait_for 20 gid_index "$1$end" 4 || fail "$1$end has no GID for IPv4"
	done
}

# nvme_target [OPTION...]: export /dev/prxenull; OPTIONs are nvmet-rdma's
nvme_target()
{
	modprobe configfs 2>/dev/null
	mountpoint -q "$CONFIGFS" || mount -t configfs none "$CONFIGFS" || fail "no configfs"
	need_modules nvmet
	modprobe nvmet-rdma "$@" || fail "no nvmet-rdma"
	if [ ! -d "$NULLB" ]; then
		modprobe null_blk nr_devices=0 || fail "no null_blk"
		mkdir "$NULLB" && echo 1 >"$NULLB/memory_backed" && echo 32 >"$NULLB/size" &&
			echo 1 >"$NULLB/power" || fail "no block device"
	fi
	wait_for 10 test -b /dev/prxenull || fail "no /dev/prxenull"
	mkdir "$TARGET/subsystems/$NQN" "$TARGET/subsystems/$NQN/namespaces/1" \
		"$TARGET/ports/1" || fail "no target"
	cd "$TARGET" || exit 1
	echo 1 >"subsystems/$NQN/attr_allow_any_host"
	echo /dev/prxenull >"subsystems/$NQN/namespaces/1/device_path"
	echo 1 >"subsystems/$NQN/namespaces/1/enable" || fail "cannot enable the namespace"
	echo rdma >ports/1/addr_trtype
	echo ipv4 >ports/1/addr_adrfam
	echo 10.79.0.2 >ports/1/addr_traddr
	echo 4420 >ports/1/addr_trsvcid
	ln -s "$TARGET/subsystems/$NQN" "ports/1/subsystems/$NQN" || fail "cannot listen"
	cd - >/dev/null || exit 1
}

nvme_untarget()
{
	[ -d "$TARGET/ports/1" ] || return
	rm -f "$TARGET/ports/1/subsystems/$NQN"
	rmdir "$TARGET/ports/1"
	echo 0 >"$TARGET/subsystems/$NQN/namespaces/1/enable"
	rmdir "$TARGET/subsystems/$NQN/namespaces/1" "$TARGET/subsystems/$NQN"
	rmmod nvmet-rdma
}

nvme_disk() { ls /dev/nvme*n1; }

# nvme_connect: sets CTRL, the controller's number, and DISK
nvme_connect()
{
	local answer

	need_modules nvme-rdma
	exec 3<>/dev/nvme-fabrics || fail "no /dev/nvme-fabrics"
	printf %s "transport=rdma,traddr=10.79.0.2,trsvcid=4420,host_traddr=10.79.0.1,nqn=$NQN,\
hostnqn=nqn.2014-08.org.nvmexpress:uuid:$HOST_ID,hostid=$HOST_ID,nr_io_queues=2,\
reconnect_delay=1,ctrl_loss_tmo=60" >&3 || fail "cannot connect"
	read -r answer <&3
	exec 3>&-
	CTRL=${answer#instance=}
	CTRL=${CTRL%%,*}
	wait_for 20 nvme_disk || fail "no disk of controller $CTRL"
	DISK=$(nvme_disk)
	echo "controller $CTRL, $DISK"
}

no_disk() { ! nvme_disk; }

nvme_disconnect()
{
	echo 1 >"/sys/class/nvme/nvme$CTRL/delete_controller" || fail "cannot disconnect"
	wait_for 20 no_disk || fail "the disk stays"
}

# Also when a test ends early. What is gone already is passed over.
nvme_cleanup()
{
	local ctrl dev

	tc qdisc del dev lo root 2>/dev/null
	umount "$MOUNT" 2>/dev/null
	for ctrl in /sys/class/nvme/nvme*/delete_controller; do
		[ -e "$ctrl" ] && echo 1 >"$ctrl"
	done
	rmmod nvme-rdma nvme-fabrics 2>/dev/null
	nvme_untarget
	if [ -d "$NULLB" ]; then
		echo 0 >"$NULLB/power"
		rmdir "$NULLB"
	fi
	rmmod null_blk nvmet 2>/dev/null
	for dev in prxeA prxeB rxeA rxeB; do
		[ -e "/sys/class/infiniband/$dev" ] && rdma link delete $dev
	done
	[ -e /sys/class/net/ethA ] && ip link delete ethA
	cleanup
}

MOUNT=$(mktemp -d) || exit 1
trap nvme_cleanup EXIT
