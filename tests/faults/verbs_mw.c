// SPDX-License-Identifier: GPL-2.0
/* Memory windows, and regions that are registered anew. */
#include "verbs.h"

static struct ibv_mw *mw;
static struct ibv_mr *mr;
static char page[2 * PAGE] __attribute__((aligned(PAGE)));

int call_mw(void)
{
	errno = 0;
	mw = ibv_alloc_mw(pair.a.pd, IBV_MW_TYPE_2);
	return null_errno(mw);
}

void verify_mw(void)
{
	NEED(mw->rkey, "no key");
}

void undo_mw(void)
{
	int err = ibv_dealloc_mw(mw);

	NEED(!err, "ibv_dealloc_mw: %s", strerror(err));
}

void make_rereg(void)
{
	mr = ibv_reg_mr(pair.a.pd, page, PAGE, RIGHTS);
	NEED(mr, "ibv_reg_mr: %m");
}

static int rereg(int flags, void *addr, size_t len, int rights)
{
	int ret = ibv_rereg_mr(mr, flags, NULL, addr, len, rights);

	return ret ? errno ?: EINVAL : 0;
}

int call_rereg_rights(void)
{
	return rereg(IBV_REREG_MR_CHANGE_ACCESS, NULL, 0, IBV_ACCESS_LOCAL_WRITE);
}

int call_rereg_memory(void)
{
	return rereg(IBV_REREG_MR_CHANGE_TRANSLATION, page, 2 * PAGE, 0);
}

void drop_rereg(void)
{
	NEED(!ibv_dereg_mr(mr), "ibv_dereg_mr: %m");
}
