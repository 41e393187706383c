/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory regions: one interface, several backends.
 *
 * Requester, responder and completer name memory by (PD, key, address, length)
 * and never see what is behind it. A key is looked up at every access, under
 * RCU; nobody but mr*.c holds a pointer to a region. That makes deregistration,
 * movement and revocation one thing: after prxe_mr_stop() has returned no
 * access is inside the region and none will enter it again until it is valid.
 *
 * An access runs in *sections*: preemption and bottom halves off, of at most
 * PRXE_MR_SECTION_MAX bytes, less of I/O memory; a longer access is cut into
 * several. A CPU announces the region that it is inside of in a per CPU hazard
 * slot (section.h), so that the stopper waits for exactly those CPUs. Accesses
 * are made with interrupts on and not from inside of each other.
 *
 * An access to no bytes names no memory: it succeeds whatever the key is (IBTA
 * vol 1, 9.7.4.1.4).
 *
 * Errors of every access function:
 *   -EAGAIN       the region is not valid now: call prxe_mr_fault() where one
 *                 may sleep, then try again
 *   -EINVAL       no such key, or not of this PD
 *   -EACCES       the region does not allow it
 *   -ERANGE       outside of the region, or past the end of the address space
 *   -ENODEV       the exporter has withdrawn the memory for now
 *   -EKEYREVOKED  the memory is gone for good
 * All but -EAGAIN, and any other error too, are the peer's remote access error
 * or our protection error.
 * A failed copy may have copied a part.
 */
#ifndef PRXE_MR_H
#define PRXE_MR_H

#include <linux/sizes.h>
#include <rdma/ib_verbs.h>

struct prxe_dev;
struct prxe_pd;

/* Bytes in one section: of memory, of I/O memory, which may be slow to read. */
#define PRXE_MR_SECTION_MAX	32768
#define PRXE_MR_SECTION_IO	8192

/**
 * struct prxe_mem - memory as the data path names it
 * @pd: protection domain of the queue pair
 * @key: lkey or rkey
 * @qpn: with an rkey, the queue pair that it came to; for windows of type 2
 * @addr: address in the region's own space
 * @access: rights needed: 0 (local read), IB_ACCESS_LOCAL_WRITE,
 *	IB_ACCESS_REMOTE_READ, IB_ACCESS_REMOTE_WRITE, IB_ACCESS_REMOTE_ATOMIC, or
 *	of IB_ACCESS_FLUSH_GLOBAL and IB_ACCESS_FLUSH_PERSISTENT one or both
 */
struct prxe_mem {
	struct prxe_pd *pd;
	u32 key;
	u32 qpn;
	int access;
	u64 addr;
};

/**
 * prxe_mr_check() - may this range be accessed
 * @mem: where; @len: bytes
 *
 * Rights, range and whether it is gone for good: does not answer -EAGAIN for a
 * region that moved.
 * Context: any up to softirq. Return: 0 or as above.
 */
int prxe_mr_check(const struct prxe_mem *mem, u64 len);

/**
 * prxe_mr_ready() - could this range be accessed now
 * @mem: where; @len: bytes, any number
 *
 * As an access to all of it would answer, but touches nothing.
 * Context: any up to softirq. Return: 0 or as above.
 */
int prxe_mr_ready(const struct prxe_mem *mem, u64 len);

/**
 * prxe_mr_copy_in() - write into a region
 * @mem: destination; @src: source, kernel memory; @len: bytes, any number
 *
 * On return the bytes are on their way out of the CPU, I/O memory too: a store
 * release, as of a completion, may tell of them.
 * Context: any up to softirq. Return: 0 or as above.
 */
int prxe_mr_copy_in(const struct prxe_mem *mem, const void *src, size_t len);

/**
 * prxe_mr_copy_out() - read from a region
 * @mem: source; @dst: destination, kernel memory; @len: bytes, any number
 * @crc: NULL, or the running ICRC, continued over the bytes copied
 *
 * The ICRC is of the bytes that were stored to @dst, whatever happens to the
 * source meanwhile. Context: any up to softirq. Return: 0 or as above.
 */
int prxe_mr_copy_out(const struct prxe_mem *mem, void *dst, size_t len,
		     u32 *crc);

/**
 * prxe_mr_copy() - copy between two regions, touching each byte once
 * @dst: destination; @src: source; @len: bytes
 * @done: bytes copied so far, kept over -EAGAIN
 * @fault: on an error, which of @dst and @src it is about: for which to call
 *	prxe_mr_fault() on -EAGAIN
 *
 * Where the two overlap in memory the result is that of memmove() within a page.
 * Two I/O sides go through the CPU's registers, or a small buffer where they are
 * not aligned alike. Context: any up to softirq.
 * Return: 0 or as above.
 */
int prxe_mr_copy(const struct prxe_mem *dst, const struct prxe_mem *src,
		 size_t len, size_t *done, const struct prxe_mem **fault);

/**
 * prxe_mr_atomic() - 64-bit compare and swap, or fetch and add
 * @mem: target, aligned to 8
 * @cas: compare and swap, else fetch and add
 * @compare: for compare and swap
 * @swap_add: the value to swap in, or to add
 * @orig: what was there before
 *
 * Values in host order. Atomic towards every prxe access to the same physical
 * location through any region; RAM also towards the CPU. Fully ordered.
 * Context: any up to softirq. Return: 0, as above, or -EFAULT when misaligned.
 */
int prxe_mr_atomic(const struct prxe_mem *mem, bool cas, u64 compare,
		   u64 swap_add, u64 *orig);

/**
 * prxe_mr_atomic_write() - store 64 bits at once
 * @mem: target, aligned to 8
 * @value: what to store, in the order of memory
 *
 * Whoever sees it, with the order that he needs, sees all that was copied in before
 * it. Atomic as prxe_mr_atomic() is. Context, return: see there.
 */
int prxe_mr_atomic_write(const struct prxe_mem *mem, u64 value);

/**
 * struct prxe_flush - a flush of memory, and how far it is
 * @mem: where; its rights say how far out. Of the whole: set to the first address
 * @len: bytes, any number, also none. Of the whole: set
 * @whole: all that the key names; address and length do not count
 * @done: bytes of a flush to persistence that are done; 0 at the beginning
 */
struct prxe_flush {
	struct prxe_mem mem;
	u64 len;
	bool whole;
	u64 done;
};

/**
 * prxe_mr_flush() - make what was written to memory visible to all, or persistent
 * @f: what to flush, of which address, length and done are brought up to date
 *
 * Of what was copied in by prxe_mr_*() before this. mr_flush.c tells what the kinds
 * of memory need for it. Context: any up to softirq.
 * Return: 0; -EINPROGRESS: call again, for it takes time; or as above, also for
 * no bytes. -EAGAIN is about @f's memory as it is then.
 */
int prxe_mr_flush(struct prxe_flush *f);

/* Bytes that one call of prxe_mr_fault() brings in beyond what it has to. */
#define PRXE_MR_FAULT_MAX	SZ_256K

/**
 * prxe_mr_fault() - make a region valid again
 * @mem: where; @len: bytes that will be accessed
 * @ahead: bytes from @mem on, @len of them included, that will be accessed soon
 *
 * Of what is ahead, as much comes along as PRXE_MR_FAULT_MAX, the end of the region
 * and the process's mappings allow: that it does not is no error.
 * Takes the reservation lock of a moved dma-buf, waits for its fences, fetches
 * its pages where they are now. Context: process, no lock held.
 * Return: 0: try the access again; -EAGAIN: the buffer is moving right now, or
 * memory is short, try after a pause; or as above.
 */
int prxe_mr_fault(const struct prxe_mem *mem, u64 len, u64 ahead);

/* The same, and run @fn while the region cannot move: mr.c has the contract. */
int prxe_mr_fault_run(const struct prxe_mem *mem, u64 len, u64 ahead,
		      int (*fn)(void *arg), void *arg);

/* verbs, see struct ib_device_ops */
struct ib_mr *prxe_get_dma_mr(struct ib_pd *ibpd, int access);
struct ib_mr *prxe_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
			       u64 iova, int access, struct ib_dmah *dmah,
			       struct ib_udata *udata);
struct ib_mr *prxe_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				      u64 length, u64 iova, int fd, int access,
				      struct ib_dmah *dmah,
				      struct uverbs_attr_bundle *attrs);
struct ib_mr *prxe_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				 u64 length, u64 iova, int access,
				 struct ib_pd *ibpd, struct ib_udata *udata);
int prxe_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
int prxe_advise_mr(struct ib_pd *ibpd, enum ib_uverbs_advise_mr_advice advice,
		   u32 flags, struct ib_sge *sg, u32 num_sge,
		   struct uverbs_attr_bundle *attrs);
int prxe_fill_res_mr_entry(struct sk_buff *msg, struct ib_mr *ibmr);

/* module init and exit of what all devices share (section slots, crc) */
int prxe_mr_init(void);
void prxe_mr_exit(void);

#endif /* PRXE_MR_H */
