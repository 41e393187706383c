// SPDX-License-Identifier: GPL-2.0
/* A datagram queue pair joins a multicast group, of IPv4 and of IPv6. */
#include "verbs.h"

static const union ibv_gid group4 = {
	.raw = { [10] = 0xff, 0xff, 239, 77, 0, 1 },
};

static const union ibv_gid group6 = {
	.raw = { 0xff, 0x0e, [15] = 0x77 },
};

int call_attach4(void)
{
	return ibv_attach_mcast(pair.a.qp, &group4, 0);
}

int call_attach6(void)
{
	return ibv_attach_mcast(pair.a.qp, &group6, 0);
}

static void detach(const union ibv_gid *group)
{
	int err = ibv_detach_mcast(pair.a.qp, group, 0);

	NEED(!err, "ibv_detach_mcast: %s", strerror(err));
}

void undo_attach4(void)
{
	detach(&group4);
}

void undo_attach6(void)
{
	detach(&group6);
}
