# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# topology.sh: the hosts of a guest test. Source it; POSIX sh and bash.
#
#   . "$PRXE_TESTS/lib/topology.sh"
#   need_modules dma_buf_pfn softgpu prxe
#   two_hosts			# or: two_hosts rxe, two_hosts siw
#   on A ibv_rc_pingpong -d prxeA -g 1 &
#   on B ibv_rc_pingpong -d prxeB -g 1 "$IP4_A"
#
# two_hosts		    netns A              netns B
#			 ethA 10.77.0.1 ==veth== ethB 10.77.0.2	 MTU 4200
#			 fd77::1			 fd77::2
#			 prxeA			 prxeB
#
# one_host		netns A alone, one dummy device with A's addresses and
#			one RDMA device: both ends of a connection on it
#
# KIND is prxe, rxe or siw and names the devices too: prxeA, rxeA, siwA. UDP
# port 4791 is bound per network namespace, so rxe and prxe cannot share one:
# two_hosts rxe C D makes more hosts beside A and B (addresses 10.77.1.x).
#
# RDMA devices are visible in every namespace (netns mode shared), their GIDs
# only work in their own: run what uses one with `on`.
#
# What was made is cleared away when the test exits, however it does; `cleanup`
# does it at once. A test with an EXIT trap of its own calls cleanup in it.

IP4_A=10.77.0.1 IP4_B=10.77.0.2
IP6_A=fd77::1 IP6_B=fd77::2
MTU=${MTU:-4200}

_topology_spaces=
_topology_devices=
_topology_nets=0

topology_fail()
{
	echo "topology: $*" >&2
	exit 1
}

# need_modules NAME...: load modules; one that is not built fails the test
need_modules()
{
	for _name in "$@"; do
		modprobe "$_name" || topology_fail "cannot load $_name"
	done
}

# skip REASON
skip()
{
	echo "$*"
	exit 77
}

# on HOST COMMAND...: run in the namespace of HOST
on()
{
	_host=$1
	shift
	ip netns exec "$_host" "$@"
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; false when it never did
wait_for()
{
	_tries=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

_make_space()
{
	ip netns add "$1" || topology_fail "cannot make namespace $1"
	_topology_spaces="$_topology_spaces $1"
	# Duplicate address detection would keep a new address unusable for a second.
	on "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.accept_dad=0 || topology_fail "sysctl in $1"
}

# _configure HOST NETDEV NET NUMBER: in one process, since a debug kernel takes long
# for each
_configure()
{
	_six=fd77::$4
	[ "$3" -eq 0 ] || _six=fd77:$3::$4
	ip -n "$1" -batch - <<-END || topology_fail "cannot configure $2"
		link set lo up
		link set $2 mtu $MTU
		addr add 10.77.$3.$4/24 dev $2
		addr add $_six/64 dev $2 nodad
		link set $2 up
	END
}

_link_is_up()
{
	case $(ip -n "$1" addr show dev "$2") in
	*tentative*) return 1 ;;
	*LOWER_UP*) return 0 ;;
	*) return 1 ;;
	esac
}

# add_rdma HOST KIND NETDEV [NAME]: an RDMA device on NETDEV, active, with the
# GID of the netdev's IPv4 address; NAME is KIND and HOST unless given
add_rdma()
{
	_dev=${4:-$2$1}
	case $2 in
	prxe)	_module=prxe ;;
	rxe)	_module=rdma_rxe ;;
	siw)	_module=siw ;;
	*)	topology_fail "unknown kind of RDMA device: $2" ;;
	esac
	need_modules ib_uverbs rdma_ucm "$_module"
	on "$1" rdma link add "$_dev" type "$2" netdev "$3" ||
		topology_fail "cannot add $_dev on $3"
	_topology_devices="$_topology_devices $_dev"
	wait_for 20 grep -q ACTIVE "/sys/class/infiniband/$_dev/ports/1/state" ||
		topology_fail "$_dev does not become active"
	[ "$2" = siw ] && return
	wait_for 20 gid_index "$_dev" 4 || topology_fail "$_dev has no GID for IPv4"
}

# gid_index DEVICE 4|6: print the index of the RoCE v2 GID of the IPv4 address,
# or of the first global IPv6 address
gid_index()
{
	for _file in /sys/class/infiniband/"$1"/ports/1/gids/*; do
		_index=${_file##*/}
		read -r _gid 2>/dev/null <"$_file" || continue
		read -r _type 2>/dev/null \
			<"/sys/class/infiniband/$1/ports/1/gid_attrs/types/$_index" || continue
		[ "$_type" = "RoCE v2" ] || continue
		case $2,$_gid in
		4,0000:0000:0000:0000:0000:ffff:*) ;;
		6,0000:0000:0000:0000:0000:*|6,fe80:*) continue ;;
		6,*) ;;
		*) continue ;;
		esac
		echo "$_index"
		return 0
	done
	return 1
}

# two_hosts [KIND [A B]]: two namespaces joined by a veth pair; KIND none makes
# no RDMA device
two_hosts()
{
	_kind=${1:-prxe} _a=${2:-A} _b=${3:-B} _net=$_topology_nets
	_topology_nets=$((_topology_nets + 1))
	_make_space "$_a"
	_make_space "$_b"
	ip link add "eth$_a" netns "$_a" type veth peer name "eth$_b" netns "$_b" ||
		topology_fail "cannot make a veth pair"
	_configure "$_a" "eth$_a" "$_net" 1
	_configure "$_b" "eth$_b" "$_net" 2
	for _h in "$_a" "$_b"; do
		wait_for 20 _link_is_up "$_h" "eth$_h" || topology_fail "eth$_h does not come up"
	done
	[ "$_kind" = none ] && return
	_first=$_a _second=$_b
	add_rdma "$_first" "$_kind" "eth$_first"
	add_rdma "$_second" "$_kind" "eth$_second"
}

_know()
{
	_mac=$(on "$2" cat "/sys/class/net/eth$2/address") || topology_fail "no eth$2"
	for _ip in $(ip -n "$2" -o addr show dev "eth$2" scope global | awk '{ sub("/.*", "", $4); print $4 }'); do
		ip -n "$1" neigh replace "$_ip" lladdr "$_mac" nud permanent dev "eth$1" ||
			topology_fail "$1 does not learn $_ip"
	done
}

# know_each_other A B: two hosts whose network is to lose packets know each other's
# addresses for good: who modifies a QP to RTR has a second to learn them, and a request
# for one is sent again after a second
know_each_other()
{
	_know "$1" "$2"
	_know "$2" "$1"
}

# one_host [KIND [A]]: one namespace, one device
one_host()
{
	_kind=${1:-prxe} _a=${2:-A} _net=$_topology_nets
	_topology_nets=$((_topology_nets + 1))
	_make_space "$_a"
	# A veth whose peer stays in the same namespace: always there, unlike dummy.
	ip link add "eth$_a" netns "$_a" type veth peer name "peer$_a" netns "$_a" ||
		topology_fail "cannot make a network device"
	on "$_a" ip link set "peer$_a" mtu "$MTU" up
	_configure "$_a" "eth$_a" "$_net" 1
	wait_for 20 _link_is_up "$_a" "eth$_a" || topology_fail "eth$_a does not come up"
	[ "$_kind" = none ] && return
	add_rdma "$_a" "$_kind" "eth$_a"
}

# counter DEVICE NAME: print a counter of `rdma statistic`; they are read afresh
# every 10 ms
counter()
{
	sleep 0.05
	cat "/sys/class/infiniband/$1/ports/1/hw_counters/$2"
}

# both_paths DEVICE COMMAND...: run COMMAND, which connects DEVICE to itself, without
# packets, which is the default, and with. False if it fails, or was not put to that.
both_paths()
{
	_local=$1
	shift
	for _path in Y N; do
		echo "one device, local_path=$_path"
		echo "$_path" >/sys/module/prxe/parameters/local_path || return 1
		_before=$(counter "$_local" local_path_wqes)
		"$@" || return 1
		_after=$(counter "$_local" local_path_wqes)
		case $_path,$((_after - _before)) in
		Y,0 | N,[1-9]*)
			echo "$((_after - _before)) work requests without packets"
			return 1 ;;
		esac
	done
	echo Y >/sys/module/prxe/parameters/local_path
}

# cleanup: remove devices, then namespaces with all that is in them; modules are
# unloaded by the runner, which tells whether they can be
cleanup()
{
	trap - EXIT
	for _dev in $_topology_devices; do
		[ -e "/sys/class/infiniband/$_dev" ] && rdma link delete "$_dev"
	done
	for _space in $_topology_spaces; do
		[ -e "/run/netns/$_space" ] || continue
		for _pid in $(ip netns pids "$_space"); do
			kill -KILL "$_pid" 2>/dev/null
		done
		ip netns delete "$_space"
	done
	_topology_spaces='' _topology_devices='' _topology_nets=0
}

trap 'cleanup' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
