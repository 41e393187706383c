// SPDX-License-Identifier: GPL-2.0
/*
 * Headers from and to the wire.
 *
 * Both ways walk the extensions in the order in which they follow the BTH:
 * DETH, FETH, RETH or AtomicETH, AETH, AtomicAckETH, immediate data or IETH. That
 * order is the same for all opcodes (IBTA vol 1, 9.2.1).
 */
#include <linux/errno.h>
#include <asm/byteorder.h>

#include "packet.h"

static void parse_bth(const struct prxe_bth *bth, struct prxe_pkt *p)
{
	u32 qpn = be32_to_cpu(bth->qpn);
	u32 apsn = be32_to_cpu(bth->apsn);

	*p = (struct prxe_pkt) {
		.opcode = bth->opcode,
		.pad = (bth->flags & PRXE_BTH_PAD_MASK) >> PRXE_BTH_PAD_SHIFT,
		.se = bth->flags & PRXE_BTH_SE,
		.mig = bth->flags & PRXE_BTH_MIG,
		.ackreq = apsn & PRXE_BTH_ACKREQ,
		.becn = qpn & PRXE_BTH_BECN,
		.fecn = qpn & PRXE_BTH_FECN,
		.pkey = be16_to_cpu(bth->pkey),
		.qpn = qpn & PRXE_QPN_MASK,
		.psn = apsn & PRXE_PSN_MASK,
	};
}

/* All of @op's headers are known to be readable at @pos. */
static void parse_extensions(const u8 *pos, const struct prxe_op_info *op,
			     struct prxe_pkt *p)
{
	u32 flags = op->flags;

	if (flags & PRXE_OP_HAS_DETH) {
		const struct prxe_deth *deth = (const void *)pos;

		p->qkey = be32_to_cpu(deth->qkey);
		p->src_qp = be32_to_cpu(deth->src_qp) & PRXE_QPN_MASK;
		pos += sizeof(*deth);
	}
	if (flags & PRXE_OP_HAS_FETH) {
		u32 bits = be32_to_cpu(((const struct prxe_feth *)pos)->bits);

		p->flush_type = bits & PRXE_FETH_TYPE_MASK;
		p->flush_level = (bits & PRXE_FETH_LEVEL_MASK) >>
				 PRXE_FETH_LEVEL_SHIFT;
		pos += sizeof(struct prxe_feth);
	}
	if (flags & PRXE_OP_HAS_RETH) {
		const struct prxe_reth *reth = (const void *)pos;

		p->va = be64_to_cpu(reth->va);
		p->rkey = be32_to_cpu(reth->rkey);
		p->length = be32_to_cpu(reth->length);
		pos += sizeof(*reth);
	}
	if (flags & PRXE_OP_HAS_ATOMIC_ETH) {
		const struct prxe_atomic_eth *atomic = (const void *)pos;

		p->va = be64_to_cpu(atomic->va);
		p->rkey = be32_to_cpu(atomic->rkey);
		p->swap_add = be64_to_cpu(atomic->swap_add);
		p->compare = be64_to_cpu(atomic->compare);
		pos += sizeof(*atomic);
	}
	if (flags & PRXE_OP_HAS_AETH) {
		const struct prxe_aeth *aeth = (const void *)pos;
		u32 smsn = be32_to_cpu(aeth->smsn);

		p->syndrome = smsn >> 24;
		p->msn = smsn & PRXE_MSN_MASK;
		pos += sizeof(*aeth);
	}
	if (flags & PRXE_OP_HAS_ATOMIC_ACK) {
		const struct prxe_atomic_ack_eth *ack = (const void *)pos;

		p->orig = be64_to_cpu(ack->orig);
		pos += sizeof(*ack);
	}
	if (flags & PRXE_OP_HAS_IMM)
		p->imm = ((const struct prxe_imm_dt *)pos)->imm;
	else if (flags & PRXE_OP_HAS_IETH)
		p->inv_rkey = be32_to_cpu(((const struct prxe_ieth *)pos)->rkey);
}

int prxe_pkt_parse(const void *buf, unsigned int avail, unsigned int pkt_len,
		   struct prxe_pkt *p)
{
	const struct prxe_bth *bth = buf;
	const struct prxe_op_info *op;
	unsigned int least, data_len;

	if (avail < sizeof(*bth) || pkt_len < sizeof(*bth) + PRXE_ICRC_LEN ||
	    pkt_len & 3)
		return -EINVAL;
	if ((bth->flags & PRXE_BTH_TVER_MASK) != PRXE_BTH_TVER)
		return -EINVAL;

	parse_bth(bth, p);
	if (!prxe_opcode_valid(p->opcode))
		return -EOPNOTSUPP;
	op = &prxe_op_table[p->opcode];
	least = op->hdr_len + PRXE_ICRC_LEN;
	if (avail < op->hdr_len || pkt_len < least)
		return -EINVAL;

	data_len = pkt_len - least;
	if (data_len && !(op->flags & PRXE_OP_PAYLOAD))
		return -EINVAL;
	/* data_len is 0 or at least 4, so pad alone can never fill it */
	if (p->pad && !data_len)
		return -EINVAL;

	p->op = op;
	p->hdr_len = op->hdr_len;
	p->payload_len = data_len - p->pad;
	parse_extensions((const u8 *)buf + sizeof(*bth), op, p);
	return 0;
}

static void build_bth(struct prxe_bth *bth, const struct prxe_pkt *p)
{
	bth->opcode = p->opcode;
	bth->flags = (p->se ? PRXE_BTH_SE : 0) | (p->mig ? PRXE_BTH_MIG : 0) |
		     ((p->pad << PRXE_BTH_PAD_SHIFT) & PRXE_BTH_PAD_MASK) |
		     PRXE_BTH_TVER;
	bth->pkey = cpu_to_be16(p->pkey);
	bth->qpn = cpu_to_be32(p->qpn & PRXE_QPN_MASK);
	bth->apsn = cpu_to_be32((p->ackreq ? PRXE_BTH_ACKREQ : 0) |
				(p->psn & PRXE_PSN_MASK));
}

static void build_extensions(u8 *pos, u32 flags, const struct prxe_pkt *p)
{
	if (flags & PRXE_OP_HAS_DETH) {
		struct prxe_deth *deth = (void *)pos;

		deth->qkey = cpu_to_be32(p->qkey);
		deth->src_qp = cpu_to_be32(p->src_qp & PRXE_QPN_MASK);
		pos += sizeof(*deth);
	}
	if (flags & PRXE_OP_HAS_FETH) {
		struct prxe_feth *feth = (void *)pos;

		feth->bits = cpu_to_be32(((p->flush_level <<
					   PRXE_FETH_LEVEL_SHIFT) &
					  PRXE_FETH_LEVEL_MASK) |
					 (p->flush_type & PRXE_FETH_TYPE_MASK));
		pos += sizeof(*feth);
	}
	if (flags & PRXE_OP_HAS_RETH) {
		struct prxe_reth *reth = (void *)pos;

		reth->va = cpu_to_be64(p->va);
		reth->rkey = cpu_to_be32(p->rkey);
		reth->length = cpu_to_be32(p->length);
		pos += sizeof(*reth);
	}
	if (flags & PRXE_OP_HAS_ATOMIC_ETH) {
		struct prxe_atomic_eth *atomic = (void *)pos;

		atomic->va = cpu_to_be64(p->va);
		atomic->rkey = cpu_to_be32(p->rkey);
		atomic->swap_add = cpu_to_be64(p->swap_add);
		atomic->compare = cpu_to_be64(p->compare);
		pos += sizeof(*atomic);
	}
	if (flags & PRXE_OP_HAS_AETH) {
		struct prxe_aeth *aeth = (void *)pos;

		aeth->smsn = cpu_to_be32((u32)p->syndrome << 24 |
					 (p->msn & PRXE_MSN_MASK));
		pos += sizeof(*aeth);
	}
	if (flags & PRXE_OP_HAS_ATOMIC_ACK) {
		struct prxe_atomic_ack_eth *ack = (void *)pos;

		ack->orig = cpu_to_be64(p->orig);
		pos += sizeof(*ack);
	}
	if (flags & PRXE_OP_HAS_IMM)
		((struct prxe_imm_dt *)pos)->imm = p->imm;
	else if (flags & PRXE_OP_HAS_IETH)
		((struct prxe_ieth *)pos)->rkey = cpu_to_be32(p->inv_rkey);
}

unsigned int prxe_pkt_build(void *buf, const struct prxe_pkt *p)
{
	const struct prxe_op_info *op = &prxe_op_table[p->opcode];

	build_bth(buf, p);
	build_extensions((u8 *)buf + PRXE_BTH_LEN, op->flags, p);
	return op->hdr_len;
}
