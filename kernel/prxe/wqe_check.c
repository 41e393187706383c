// SPDX-License-Identifier: GPL-2.0
/*
 * Validation of work queue entries; see wqe_check.h.
 *
 * One table says what each operation may have; the functions only apply it.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/prxe-abi.h>

#include "hdr.h"
#include "wqe_check.h"

#define SEND_FLAGS	(PRXE_SEND_FENCE | PRXE_SEND_SIGNALED |		\
			 PRXE_SEND_SOLICITED | PRXE_SEND_INLINE)

#define ON_RC		BIT(PRXE_RC)
#define ON_UC		BIT(PRXE_UC)
#define ON_UD		BIT(PRXE_UD)

#define DATA		BIT(0)	/* takes a scatter/gather list */
#define INLINE		BIT(1)	/* or inline data */
#define ATOMIC		BIT(2)	/* of exactly eight bytes */
#define LOCAL		BIT(3)	/* sends no packets */
#define KERNEL		BIT(4)	/* for kernel users only */
#define FLUSH		BIT(5)	/* says what it flushes, and how far */
#define VALUE		BIT(6)	/* eight bytes among the operands */

/* IBTA vol 1, 10.8.2, table "Work request operations by service type" */
struct wr_rule {
	u8 services;	/* a bit for each enum prxe_transport; 0: unknown */
	u8 has;
};

static const struct wr_rule wr_rules[] = {
	[IB_UVERBS_WR_SEND] = { ON_RC | ON_UC | ON_UD, DATA | INLINE },
	[IB_UVERBS_WR_SEND_WITH_IMM] = { ON_RC | ON_UC | ON_UD, DATA | INLINE },
	[IB_UVERBS_WR_SEND_WITH_INV] = { ON_RC, DATA | INLINE },
	[IB_UVERBS_WR_RDMA_WRITE] = { ON_RC | ON_UC, DATA | INLINE },
	[IB_UVERBS_WR_RDMA_WRITE_WITH_IMM] = { ON_RC | ON_UC, DATA | INLINE },
	[IB_UVERBS_WR_RDMA_READ] = { ON_RC, DATA },
	[IB_UVERBS_WR_ATOMIC_CMP_AND_SWP] = { ON_RC, DATA | ATOMIC },
	[IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD] = { ON_RC, DATA | ATOMIC },
	[IB_UVERBS_WR_LOCAL_INV] = { ON_RC | ON_UC, LOCAL },
	[IB_UVERBS_WR_BIND_MW] = { ON_RC | ON_UC, LOCAL },
	[IB_UVERBS_WR_FLUSH] = { ON_RC, FLUSH },
	[IB_UVERBS_WR_ATOMIC_WRITE] = { ON_RC, VALUE },
	[PRXE_WR_REG_MR] = { ON_RC | ON_UC, LOCAL | KERNEL },
};

/* No overflow: @num is a u16 or less and a length 32 bits. */
static int sum_sges(const struct prxe_sge *sge, u32 num, u32 *length)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < num; i++)
		sum += sge[i].length;
	if (sum > PRXE_MAX_MSG_LEN)
		return -EMSGSIZE;
	*length = sum;
	return 0;
}

/* Are @num entries allowed, and do they fit behind @head bytes of the slot? */
static int check_num_sge(u32 num, size_t head, const struct prxe_wqe_limits *lim)
{
	if (num > lim->max_sge || num > PRXE_MAX_SGE)
		return -EINVAL;
	if (head + num * sizeof(struct prxe_sge) > lim->stride)
		return -EINVAL;
	return 0;
}

static int check_inline(const struct prxe_send_wqe *wqe,
			const struct prxe_wqe_limits *lim,
			struct prxe_wqe_info *out)
{
	const size_t head = offsetof(struct prxe_send_wqe, inline_data);

	if (wqe->num_sge)
		return -EINVAL;
	if (wqe->inline_len > lim->max_inline ||
	    wqe->inline_len > PRXE_MAX_INLINE ||
	    head + wqe->inline_len > lim->stride)
		return -EINVAL;
	out->length = wqe->inline_len;
	out->size = head + wqe->inline_len;
	out->is_inline = true;
	return 0;
}

static int check_list(const struct prxe_send_wqe *wqe,
		      const struct prxe_wqe_limits *lim,
		      struct prxe_wqe_info *out)
{
	const size_t head = offsetof(struct prxe_send_wqe, sge);
	int ret;

	if (wqe->inline_len)
		return -EINVAL;
	ret = check_num_sge(wqe->num_sge, head, lim);
	if (ret)
		return ret;
	out->num_sge = wqe->num_sge;
	out->size = head + wqe->num_sge * sizeof(struct prxe_sge);
	return sum_sges(wqe->sge, wqe->num_sge, &out->length);
}

static bool flush_ok(const struct prxe_send_wqe *wqe)
{
	return wqe->flush.type &&
	       !(wqe->flush.type & ~(IB_FLUSH_GLOBAL | IB_FLUSH_PERSISTENT)) &&
	       wqe->flush.level <= IB_FLUSH_MR;
}

int prxe_send_wqe_check(const struct prxe_send_wqe *wqe,
			const struct prxe_wqe_limits *lim,
			struct prxe_wqe_info *out)
{
	struct prxe_wqe_info info = {};
	const struct wr_rule *rule;
	int ret;

	if (wqe->opcode >= ARRAY_SIZE(wr_rules))
		return -EOPNOTSUPP;
	rule = &wr_rules[wqe->opcode];
	if (!(rule->services & BIT(lim->transport)) ||
	    (rule->has & KERNEL && !lim->kernel))
		return -EOPNOTSUPP;
	if (wqe->flags & ~SEND_FLAGS)
		return -EINVAL;

	if (!(rule->has & DATA) && (wqe->num_sge || wqe->inline_len))
		return -EINVAL;
	if (wqe->flags & PRXE_SEND_INLINE) {
		if (!(rule->has & INLINE))
			return -EINVAL;
		ret = check_inline(wqe, lim, &info);
	} else {
		ret = check_list(wqe, lim, &info);
	}
	if (ret)
		return ret;

	if (rule->has & FLUSH && !flush_ok(wqe))
		return -EINVAL;
	if (rule->has & VALUE)
		info.length = PRXE_ATOMIC_LEN;
	if (rule->has & ATOMIC && info.length != PRXE_ATOMIC_LEN)
		return -EMSGSIZE;
	if (lim->transport == PRXE_UD && info.length > lim->max_ud)
		return -EMSGSIZE;
	info.sends = !(rule->has & LOCAL);
	*out = info;
	return 0;
}

int prxe_recv_wqe_check(const struct prxe_recv_wqe *wqe,
			const struct prxe_wqe_limits *lim,
			struct prxe_wqe_info *out)
{
	const size_t head = offsetof(struct prxe_recv_wqe, sge);
	struct prxe_wqe_info info = {};
	int ret;

	if (wqe->reserved)
		return -EINVAL;
	ret = check_num_sge(wqe->num_sge, head, lim);
	if (ret)
		return ret;
	ret = sum_sges(wqe->sge, wqe->num_sge, &info.length);
	if (ret)
		return ret;
	info.num_sge = wqe->num_sge;
	info.size = head + wqe->num_sge * sizeof(struct prxe_sge);
	*out = info;
	return 0;
}
