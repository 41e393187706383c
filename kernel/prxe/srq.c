// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared receive queues.
 *
 * Queue pairs take entries under srq->lock, which is the only lock that they
 * share: each copies the entry into a buffer of its own, checks the copy and
 * completes it when its message has come. The consumer index moves when an
 * entry is taken: what is in the ring is what nobody has taken.
 *
 * The limit (IBTA 10.2.9.4) is armed by modify, raises IB_EVENT_SRQ_LIMIT_REACHED
 * when a taken entry leaves fewer than that, and is disarmed by it.
 *
 * Resizing moves the entries that nobody took to a ring of another size. Indices
 * are kept, so that a slot's index names the same entry in both. The user does
 * not post meanwhile; one who does loses what he posts.
 */
#include <linux/atomic.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "prxe.h"
#include "rq.h"
#include "srq.h"

static atomic_t prxe_srq_next;

static void prxe_srq_event_work(struct work_struct *work)
{
	struct prxe_srq *srq = container_of(work, struct prxe_srq, event_work);
	struct ib_event ev = {
		.device = srq->ibsrq.device,
		.element.srq = &srq->ibsrq,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ibsrq.event_handler)
		srq->ibsrq.event_handler(&ev, srq->ibsrq.srq_context);
}

int prxe_srq_take(struct prxe_srq *srq, struct prxe_recv_wqe *wqe,
		  struct prxe_wqe_info *info)
{
	unsigned long flags;
	u32 avail;

	spin_lock_irqsave(&srq->lock, flags);
	avail = prxe_queue_avail(&srq->ring, srq->head);
	if (avail) {
		prxe_recv_copy(wqe, &srq->ring, srq->head);
		srq->head++;
		prxe_queue_publish(&srq->ring, srq->head);
		if (avail - 1 < srq->limit) {
			srq->limit = 0;
			queue_work(prxe_wq, &srq->event_work);
		}
	}
	spin_unlock_irqrestore(&srq->lock, flags);
	if (!avail)
		return -ENOENT;
	return prxe_recv_wqe_check(wqe, &srq->lim, info);
}

static int check_init(const struct ib_srq_init_attr *init)
{
	const struct ib_srq_attr *attr = &init->attr;

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!attr->max_wr || attr->max_wr > PRXE_MAX_WR ||
	    attr->max_sge > PRXE_MAX_SGE || attr->srq_limit > attr->max_wr)
		return -EINVAL;
	return 0;
}

/**
 * prxe_create_srq() - make a shared receive queue
 * @ibsrq: the queue, zeroed
 * @init: its size; what is granted is written back
 * @udata: none in, &struct prxe_create_srq_resp out; NULL for a kernel user
 *
 * Return: 0; -EINVAL for more than the device has; -EOPNOTSUPP for a kind we do
 * not have; -ENOMEM; -EFAULT.
 */
int prxe_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		    struct ib_udata *udata)
{
	struct prxe_ucontext *uc =
		rdma_udata_to_drv_context(udata, struct prxe_ucontext, ibuc);
	struct prxe_srq *srq = to_psrq(ibsrq);
	struct prxe_create_srq_resp resp = {};
	u32 sge, stride;
	int err;

	err = check_init(init);
	if (err)
		return err;
	if (udata) {
		err = ib_is_udata_in_empty(udata);
		if (err)
			return err;
		if (udata->outlen < sizeof(resp))
			return -EINVAL;
	}

	sge = max(init->attr.max_sge, 1u);
	stride = struct_size_t(struct prxe_recv_wqe, sge, sge);
	err = prxe_queue_create(&srq->ring, uc ? &uc->ibuc : NULL,
				init->attr.max_wr, stride, &resp.ring);
	if (err)
		return err;
	srq->pd = to_ppd(ibsrq->pd);
	srq->lim = (struct prxe_wqe_limits) { .max_sge = sge, .stride = stride };
	srq->limit = init->attr.srq_limit;
	mutex_init(&srq->modify_mutex);
	spin_lock_init(&srq->lock);
	INIT_WORK(&srq->event_work, prxe_srq_event_work);
	init->attr.max_wr = srq->ring.nr;
	init->attr.max_sge = sge;

	if (!udata)
		return 0;
	resp.srqn = (u32)atomic_inc_return(&prxe_srq_next) & 0xffffff;
	err = ib_respond_udata(udata, resp);
	if (err) {
		prxe_queue_destroy(&srq->ring);
		mutex_destroy(&srq->modify_mutex);
	}
	return err;
}

/*
 * A ring of another size with the entries of the present one. The caller holds
 * modify_mutex; queue pairs go on taking from the present ring. Return: 0;
 * -EINVAL if they do not fit; -ENOMEM.
 */
static int resized_ring(struct prxe_srq *srq, struct ib_ucontext *uc, u32 nr,
			struct prxe_queue *new, struct prxe_ring_info *info)
{
	struct prxe_queue *old = &srq->ring;
	u32 head = READ_ONCE(srq->head), n, i;
	int err;

	lockdep_assert_held(&srq->modify_mutex);

	n = prxe_queue_avail(old, head);
	if (n > roundup_pow_of_two(nr))
		return -EINVAL;
	err = prxe_queue_create(new, uc, nr, old->stride, info);
	if (err)
		return err;
	for (i = head; i != head + n; i++) {
		memcpy(prxe_queue_slot(new, i), prxe_queue_slot(old, i),
		       old->stride);
		cond_resched();
	}
	new->ring->producer = head + n;
	return 0;
}

static int resize(struct prxe_srq *srq, u32 nr, struct ib_udata *udata)
{
	struct prxe_ucontext *uc =
		rdma_udata_to_drv_context(udata, struct prxe_ucontext, ibuc);
	struct prxe_modify_srq_req req;
	struct prxe_ring_info info;
	struct prxe_queue ring;
	unsigned long flags;
	int err;

	if (!uc)
		return -EOPNOTSUPP;
	err = ib_copy_validate_udata_in_cm(udata, req, ring, 0);
	if (!err)
		err = resized_ring(srq, &uc->ibuc, nr, &ring, &info);
	if (err)
		return err;
	/* the command has no response of its own */
	if (copy_to_user(u64_to_user_ptr(req.ring), &info, sizeof(info))) {
		prxe_queue_destroy(&ring);
		return -EFAULT;
	}
	spin_lock_irqsave(&srq->lock, flags);
	swap(srq->ring, ring);
	prxe_queue_publish(&srq->ring, srq->head);
	spin_unlock_irqrestore(&srq->lock, flags);
	prxe_queue_destroy(&ring);
	return 0;
}

static int modify(struct prxe_srq *srq, const struct ib_srq_attr *attr,
		  enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	u32 max = mask & IB_SRQ_MAX_WR ? attr->max_wr : srq->ring.nr;
	unsigned long flags;
	int err;

	if (!max || max > PRXE_MAX_WR ||
	    (mask & IB_SRQ_LIMIT && attr->srq_limit > max))
		return -EINVAL;
	if (mask & IB_SRQ_MAX_WR)
		err = resize(srq, max, udata);
	else
		err = ib_is_udata_in_empty(udata);
	if (err || !(mask & IB_SRQ_LIMIT))
		return err;
	spin_lock_irqsave(&srq->lock, flags);
	srq->limit = attr->srq_limit;
	spin_unlock_irqrestore(&srq->lock, flags);
	return 0;
}

/**
 * prxe_modify_srq() - arm the limit, or change the size
 * @ibsrq: the queue
 * @attr: to what
 * @mask: IB_SRQ_LIMIT, IB_SRQ_MAX_WR or both
 * @udata: with IB_SRQ_MAX_WR &struct prxe_modify_srq_req
 *
 * Context: process.
 * Return: 0; -EINVAL, also if more entries are posted than the new size holds;
 * -EOPNOTSUPP for resizing the queue of a kernel user; -ENOMEM; -EFAULT. Nothing
 * has changed after an error.
 */
int prxe_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		    enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct prxe_srq *srq = to_psrq(ibsrq);
	int err;

	if (mask & ~(IB_SRQ_LIMIT | IB_SRQ_MAX_WR))
		return -EINVAL;
	mutex_lock(&srq->modify_mutex);
	err = modify(srq, attr, mask, udata);
	mutex_unlock(&srq->modify_mutex);
	return err;
}

/**
 * prxe_query_srq() - what a shared receive queue is
 * @ibsrq: the queue
 * @attr: filled in; a limit that has been reached is 0
 *
 * Return: 0.
 */
int prxe_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr)
{
	struct prxe_srq *srq = to_psrq(ibsrq);
	unsigned long flags;

	spin_lock_irqsave(&srq->lock, flags);
	attr->max_wr = srq->ring.nr;
	attr->max_sge = srq->lim.max_sge;
	attr->srq_limit = srq->limit;
	spin_unlock_irqrestore(&srq->lock, flags);
	return 0;
}

/**
 * prxe_destroy_srq() - destroy a shared receive queue
 * @ibsrq: the queue; no queue pair uses it any more
 * @udata: not used
 *
 * Return: 0.
 */
int prxe_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata)
{
	struct prxe_srq *srq = to_psrq(ibsrq);

	disable_work_sync(&srq->event_work);
	prxe_queue_destroy(&srq->ring);
	mutex_destroy(&srq->modify_mutex);
	return 0;
}

int prxe_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		       const struct ib_recv_wr **bad_wr)
{
	struct prxe_srq *srq = to_psrq(ibsrq);
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&srq->lock, flags);
	for (; wr; wr = wr->next) {
		/* a user's ring is for the user alone to fill */
		err = srq->ring.user ? -EINVAL :
			prxe_recv_put(&srq->ring, &srq->lim, wr);
		if (err) {
			*bad_wr = wr;
			break;
		}
	}
	spin_unlock_irqrestore(&srq->lock, flags);
	return err;
}
