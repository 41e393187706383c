// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects made and given back, for the failure sweeps: their errors are the verbs' own.
 * The pair that they are made beside is made as well.
 */
#include "kverbs.h"

static int objects(struct kv_pair *p)
{
	struct ib_mr *mr = ib_alloc_mr(p->a.pd, IB_MR_TYPE_MEM_REG, 200);

	return IS_ERR(mr) ? PTR_ERR(mr) : ib_dereg_mr(mr);
}

const struct kv_case kv_object_cases[] = {
	{ "objects", objects, true },
	{}
};
