/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The RoCEv2 wire format: BTH, its extension headers, and their constants.
 *
 * A packet is IP | UDP | BTH | extensions | payload | pad | ICRC. Everything
 * is big endian but the ICRC, which is a CRC in its transmission order: little
 * endian. All structs are packed, so they may lie at any address.
 *
 * IBTA vol 1, chapter 9.2 (BTH) and 9.3 (extensions); annex A17 (RoCEv2).
 */
#ifndef PRXE_HDR_H
#define PRXE_HDR_H

#include <linux/types.h>
#include <linux/build_bug.h>
#include <linux/bits.h>

#define PRXE_UDP_PORT		4791
#define PRXE_IPV4_LEN		20	/* without options */
#define PRXE_IPV6_LEN		40	/* without extension headers */
#define PRXE_UDP_LEN		8
#define PRXE_ICRC_LEN		4
/* congestion notification: BTH, reserved bytes, ICRC */
#define PRXE_CNP_LEN		32
#define PRXE_GRH_LEN		40	/* in front of a received datagram */

#define PRXE_BTH_TVER		0	/* the only transport header version */
#define PRXE_DEFAULT_PKEY	0xffff
#define PRXE_PKEY_MEMBERSHIP	0x8000	/* full member */
#define PRXE_PKEY_BASE		0x7fff
#define PRXE_QPN_MASK		0x00ffffffu
#define PRXE_MULTICAST_QPN	0x00ffffffu
#define PRXE_MSN_MASK		0x00ffffffu
#define PRXE_GSI_QKEY		0x80010000u	/* of QP 1; IBTA 10.2.5 */
#define PRXE_QKEY_PRIVILEGED	0x80000000u	/* from the QP, not the WQE */

#define PRXE_MTU_MIN		256
#define PRXE_MTU_MAX		4096
#define PRXE_MAX_MSG_LEN	0x80000000u	/* 2^31; IBTA 9.7.6.1 */
#define PRXE_ATOMIC_LEN		8

/* prxe_bth.flags */
#define PRXE_BTH_SE		BIT(7)	/* solicited event */
#define PRXE_BTH_MIG		BIT(6)	/* migration state */
#define PRXE_BTH_PAD_SHIFT	4
#define PRXE_BTH_PAD_MASK	0x30
#define PRXE_BTH_TVER_MASK	0x0f

/* prxe_bth.qpn and .apsn as host order words */
#define PRXE_BTH_FECN		BIT(31)
#define PRXE_BTH_BECN		BIT(30)
#define PRXE_BTH_RESV8A		0xff000000u	/* FECN, BECN, resv6: no ICRC */
#define PRXE_BTH_ACKREQ		BIT(31)

/**
 * struct prxe_bth - base transport header (IBTA vol 1, 9.2)
 * @opcode: what the packet is and which extensions follow
 * @flags: SE, MigReq, pad count, header version
 * @pkey: partition key
 * @qpn: FECN, BECN, 6 reserved bits, destination QP
 * @apsn: AckReq, 7 reserved bits, PSN
 */
struct prxe_bth {
	u8	opcode;
	u8	flags;
	__be16	pkey;
	__be32	qpn;
	__be32	apsn;
} __packed;

/**
 * struct prxe_deth - datagram extended transport header (IBTA vol 1, 9.3.3)
 * @qkey: authorizes access to the receive queue
 * @src_qp: 8 reserved bits, source QP
 */
struct prxe_deth {
	__be32	qkey;
	__be32	src_qp;
} __packed;

/**
 * struct prxe_reth - RDMA extended transport header (IBTA vol 1, 9.3.2)
 * @va: address in the remote memory region
 * @rkey: key of that region
 * @length: of the whole message
 */
struct prxe_reth {
	__be64	va;
	__be32	rkey;
	__be32	length;
} __packed;

/**
 * struct prxe_feth - flush (IBTA vol 1, annex A19); a RETH follows
 * @bits: 26 reserved bits, selectivity level, placement types
 */
struct prxe_feth {
	__be32	bits;
} __packed;

/* prxe_feth.bits as a host order word */
#define PRXE_FETH_TYPE_MASK	0x0f
#define PRXE_FETH_LEVEL_SHIFT	4
#define PRXE_FETH_LEVEL_MASK	0x30

/**
 * struct prxe_atomic_eth - atomic request (IBTA vol 1, 9.3.5)
 * @va: of the 64-bit word
 * @rkey: key of its region
 * @swap_add: swapped in, or added
 * @compare: compared with; not used by fetch and add
 */
struct prxe_atomic_eth {
	__be64	va;
	__be32	rkey;
	__be64	swap_add;
	__be64	compare;
} __packed;

/**
 * struct prxe_aeth - acknowledge (IBTA vol 1, 9.3.4); see aeth.h
 * @smsn: syndrome in the top byte, message sequence number below
 */
struct prxe_aeth {
	__be32	smsn;
} __packed;

/**
 * struct prxe_atomic_ack_eth - atomic response (IBTA vol 1, 9.5.3)
 * @orig: what the word was before
 */
struct prxe_atomic_ack_eth {
	__be64	orig;
} __packed;

/**
 * struct prxe_imm_dt - immediate data (IBTA vol 1, 9.3.6)
 * @imm: opaque
 */
struct prxe_imm_dt {
	__be32	imm;
} __packed;

/**
 * struct prxe_ieth - invalidate (IBTA vol 1, 9.3.7)
 * @rkey: to invalidate at the responder
 */
struct prxe_ieth {
	__be32	rkey;
} __packed;

#define PRXE_BTH_LEN		12
#define PRXE_DETH_LEN		8
#define PRXE_RETH_LEN		16
#define PRXE_FETH_LEN		4
#define PRXE_ATOMIC_ETH_LEN	28
#define PRXE_AETH_LEN		4
#define PRXE_ATOMIC_ACK_LEN	8
#define PRXE_IMM_LEN		4
#define PRXE_IETH_LEN		4

static_assert(sizeof(struct prxe_bth) == PRXE_BTH_LEN);
static_assert(sizeof(struct prxe_deth) == PRXE_DETH_LEN);
static_assert(sizeof(struct prxe_reth) == PRXE_RETH_LEN);
static_assert(sizeof(struct prxe_feth) == PRXE_FETH_LEN);
static_assert(sizeof(struct prxe_atomic_eth) == PRXE_ATOMIC_ETH_LEN);
static_assert(sizeof(struct prxe_aeth) == PRXE_AETH_LEN);
static_assert(sizeof(struct prxe_atomic_ack_eth) == PRXE_ATOMIC_ACK_LEN);
static_assert(sizeof(struct prxe_imm_dt) == PRXE_IMM_LEN);
static_assert(sizeof(struct prxe_ieth) == PRXE_IETH_LEN);

/* The longest BTH with extensions: an atomic request's. */
#define PRXE_MAX_HDR_LEN	(PRXE_BTH_LEN + PRXE_ATOMIC_ETH_LEN)
/* All that stands in front of the payload, from the IP header on. */
#define PRXE_MAX_STACK_LEN	(PRXE_IPV6_LEN + PRXE_UDP_LEN + PRXE_MAX_HDR_LEN)

/**
 * prxe_mtu_from_payload() - the largest path MTU that fits
 * @payload: bytes that the IP packet holds after the UDP header
 *
 * Return: 256, 512, 1024, 2048 or 4096 such that the largest headers, the
 * payload and the ICRC fit, or 0 if not even 256 does.
 */
static inline unsigned int prxe_mtu_from_payload(unsigned int payload)
{
	unsigned int mtu;

	for (mtu = PRXE_MTU_MAX; mtu >= PRXE_MTU_MIN; mtu >>= 1)
		if (payload >= PRXE_MAX_HDR_LEN + mtu + PRXE_ICRC_LEN)
			return mtu;
	return 0;
}

#endif /* PRXE_HDR_H */
