# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# traffic.sh: traffic of net_traffic beside what a test does to the network. Source it
# after topology.sh. Both ends are in one process outside of the namespaces.

TRAFFIC_DIR=$(mktemp -d)
_traffic=

# traffic ARG...: net_traffic to its end; what it printed only if that is a bad one
traffic()
{
	echo "traffic $*"
	"$PRXE_BIN/net_traffic" "$@" >"$TRAFFIC_DIR/log" 2>&1 && return
	tail -n 30 "$TRAFFIC_DIR/log"
	exit 1
}

# traffic_start ARG...: in the background, until traffic_stop
traffic_start()
{
	echo "traffic meanwhile: $*"
	rm -f "$TRAFFIC_DIR/stop"
	"$PRXE_BIN/net_traffic" -s "$TRAFFIC_DIR/stop" "$@" >"$TRAFFIC_DIR/log" 2>&1 &
	_traffic=$!
	traffic_goes_on
}

_traffic_rounds() { grep -c '^round' "$TRAFFIC_DIR/log"; }
_traffic_reached() { [ "$(_traffic_rounds)" -ge "$1" ]; }

# traffic_goes_on: some rounds more are done
traffic_goes_on()
{
	wait_for 30 _traffic_reached $(($(_traffic_rounds) + 4)) && return
	echo "no traffic any more"
	tail -n 30 "$TRAFFIC_DIR/log"
	exit 1
}

# traffic_stop: it ends well
traffic_stop()
{
	touch "$TRAFFIC_DIR/stop"
	traffic_ends
}

# traffic_ends: the same by itself
traffic_ends()
{
	wait "$_traffic" && return
	tail -n 30 "$TRAFFIC_DIR/log"
	exit 1
}

# traffic_said PATTERN: it printed such a line
traffic_said()
{
	grep -q "$1" "$TRAFFIC_DIR/log" && return
	echo "the traffic did not say \"$1\""
	tail -n 30 "$TRAFFIC_DIR/log"
	exit 1
}

# gid_of ADDRESS: as sysfs writes it
gid_of()
{
	python3 - "$1" <<-END
		import ipaddress, sys
		a = ipaddress.ip_address(sys.argv[1]).packed
		a = (bytes(10) + b"\xff\xff" + a if len(a) == 4 else a).hex()
		print(":".join(a[i:i + 4] for i in range(0, 32, 4)))
	END
}

# has_gid DEVICE GID: among the first of the table
has_gid() { cat /sys/class/infiniband/"$1"/ports/1/gids/{0..31} 2>/dev/null | grep -qx "$2"; }
has_not() { ! has_gid "$@"; }

# has DEVICE ADDRESS; comes DEVICE ADDRESS, goes DEVICE ADDRESS: to and from the table
has() { has_gid "$1" "$(gid_of "$2")"; }
comes() { wait_for 20 has_gid "$1" "$(gid_of "$2")" || topology_fail "$1 has no GID of $2"; }
goes() { wait_for 20 has_not "$1" "$(gid_of "$2")" || topology_fail "$1 keeps the GID of $2"; }

# local_of HOST NETDEV: its link-local address
local_of() { ip -n "$1" -br -6 addr show dev "$2" | grep -o 'fe80::[0-9a-f:]*' | head -n 1; }

# index_of HOST NETDEV
index_of() { on "$1" cat "/sys/class/net/$2/ifindex"; }

# rping_over ADDRESS: from host B to that of host A: rdma_cm finds its way, and
# verified data
rping_over()
{
	echo "rping $1"
	on A rping -s -a "$1" -C 10 -V >"$TRAFFIC_DIR/server" 2>&1 &
	_rping=$!
	wait_for 20 sh -c 'rdma resource show cm_id | grep -q LISTEN' ||
		topology_fail "rping does not listen"
	on B rping -c -a "$1" -C 10 -V >"$TRAFFIC_DIR/client" 2>&1 && wait $_rping && return
	cat "$TRAFFIC_DIR/server" "$TRAFFIC_DIR/client"
	topology_fail "rping of $1"
}

# carried HOST NETDEV COMMAND...: the command moves packets by that network device, in
# both directions
carried()
{
	local host=$1 netdev=$2 rx tx stats

	stats=/sys/class/net/$2/statistics
	rx=$(on "$host" cat "$stats/rx_packets") tx=$(on "$host" cat "$stats/tx_packets")
	shift 2
	"$@"
	rx=$(($(on "$host" cat "$stats/rx_packets") - rx))
	tx=$(($(on "$host" cat "$stats/tx_packets") - tx))
	[ "$rx" -ge 10 ] && [ "$tx" -ge 10 ] && return
	echo "$netdev of $host carried $rx and $tx packets"
	exit 1
}
