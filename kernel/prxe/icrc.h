/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invariant CRC of RoCEv2 (IBTA annex A17.3.3) over any CRC-32 engine.
 *
 * It is the Ethernet CRC (reflected, polynomial 0xedb88320) over eight bytes of
 * ones, the IP and UDP headers and the BTH with all that a router may change
 * set to ones, then extensions, payload and pad as they are:
 *
 *	u32 crc = prxe_icrc_headers(crc_fn, ip, v6, udp, bth, hdr_len);
 *
 *	crc = crc_fn(crc, payload, payload_len + pad);
 *	put prxe_icrc_final(crc) behind the pad
 *
 * An engine works on the bare register, as the kernel's crc32_le() does: it
 * neither inverts before nor after.
 */
#ifndef PRXE_ICRC_H
#define PRXE_ICRC_H

#include <linux/types.h>
#include <asm/byteorder.h>

typedef u32 (*prxe_crc_fn)(u32 crc, const void *p, size_t len);

/* The register after eight bytes of ones. */
#define PRXE_ICRC_SEED		0xdebb20e3u

/**
 * prxe_crc32_init() - fill the tables of the engines below
 *
 * To be called before any of them, by one thread, from the module's init
 * function: afterwards the tables are read-only. Again does no harm.
 */
void prxe_crc32_init(void);

/**
 * prxe_crc32_byte() - CRC-32, a byte at a time
 * @crc: the register
 * @p: bytes
 * @len: how many
 *
 * Small and slow; the reference for the tests.
 *
 * Return: the register.
 */
u32 prxe_crc32_byte(u32 crc, const void *p, size_t len);

/**
 * prxe_crc32_slice16() - CRC-32, the fastest portable one
 * @crc: the register
 * @p: bytes, at any alignment
 * @len: how many
 *
 * Four slices by eight at once where there is room for it, then by 16.
 *
 * Return: the register.
 */
u32 prxe_crc32_slice16(u32 crc, const void *p, size_t len);

/**
 * prxe_crc32_copy_slice16() - memcpy() and CRC-32 in one pass
 * @crc: the register
 * @dst: where to, at any alignment; must not overlap @src
 * @src: where from, at any alignment; each byte is read once, so that what is
 *	summed is what was copied even if somebody writes there meanwhile
 * @len: how many bytes
 *
 * Ordinary memory on both sides, never MMIO.
 *
 * Return: the register.
 */
u32 prxe_crc32_copy_slice16(u32 crc, void *dst, const void *src, size_t len);

/**
 * prxe_icrc_headers() - begin an ICRC: everything up to the payload
 * @crc: the engine
 * @iphdr: the IP header of this packet, without options or extension headers
 * @v6: it is IPv6
 * @udphdr: the UDP header of this packet
 * @bth: BTH and extensions
 * @hdr_len: their length, at least PRXE_BTH_LEN
 *
 * The lengths, and IPv4's id, must be those that this very packet will have on
 * the wire, after segmentation. Nothing is modified; any alignment will do.
 *
 * Return: the register, to go on with payload and pad.
 */
u32 prxe_icrc_headers(prxe_crc_fn crc, const void *iphdr, bool v6,
		      const void *udphdr, const void *bth,
		      unsigned int hdr_len);

/**
 * prxe_icrc_final() - the last four bytes of a packet
 * @crc: the register after payload and pad
 *
 * Return: the ICRC as it is on the wire.
 */
static inline __le32 prxe_icrc_final(u32 crc)
{
	return cpu_to_le32(~crc);
}

/**
 * prxe_icrc_rxe_flush() - what the kernel's rxe takes for the ICRC of a flush
 * @fn: the engine
 * @crc: the register after everything but the ICRC
 * @bth: BTH and extensions as they are on the wire
 * @hdr_len: bytes of them
 *
 * rxe (Linux 7.3) has no place for the payload in its table of flushes. It finds it
 * at the BTH, and sums all headers once more, without leaving out what may change.
 *
 * Return: the register.
 */
static inline u32 prxe_icrc_rxe_flush(prxe_crc_fn fn, u32 crc, const void *bth,
				      size_t hdr_len)
{
	return fn(crc, bth, hdr_len);
}

#endif /* PRXE_ICRC_H */
