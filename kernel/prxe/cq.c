// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion queues: made in the data path, polled by the user from the shared
 * ring, or by kernel users through prxe_poll_cq().
 *
 * Our producer index is private, the ring has a copy. The consumer index of a
 * user is his word: it decides only whether his ring is full. One that is more
 * than the ring's size behind, or ahead, counts as full; the completion queue
 * overflows, which hurts nobody else.
 *
 * Arming. req_notify stores the wish, then looks whether there is an entry not
 * yet consumed; prxe_cq_post() stores the entry, then looks for the wish; both
 * under the lock. So an entry is either seen by the one or notified by the other.
 */
#include <linux/timekeeping.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "cq.h"
#include "prxe.h"
#include "qp.h"
#include "trace.h"

/* Kernel users: call the handler where it may post and poll. */
static void prxe_cq_notify_work(struct work_struct *work)
{
	struct prxe_cq *cq = container_of(work, struct prxe_cq, notify_work);

	cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
}

static void notify(struct prxe_cq *cq)
{
	if (cq->user)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
	else
		queue_work(system_bh_wq, &cq->notify_work);
}

static void overflow(struct prxe_cq *cq)
{
	struct ib_event ev = {
		.device = cq->ibcq.device,
		.element.cq = &cq->ibcq,
		.event = IB_EVENT_CQ_ERR,
	};

	prxe_stat_inc(to_pdev(cq->ibcq.device), CQ_OVERFLOW);
	if (cq->ibcq.event_handler)
		cq->ibcq.event_handler(&ev, cq->ibcq.cq_context);
}

/* Entries that were made and not yet consumed; more than there are slots if a
 * user's consumer index makes no sense.
 */
static u32 pending(const struct prxe_cq *cq)
{
	u32 consumer = cq->consumer;

	lockdep_assert_held(&cq->lock);
	if (cq->user)	/* pairs with the user's release */
		consumer = smp_load_acquire(&cq->queue.ring->consumer);
	return cq->producer - consumer;
}

/* Does this entry satisfy the notification that was asked for? */
static bool disarm(struct prxe_cq *cq, bool solicited)
{
	lockdep_assert_held(&cq->lock);
	if (cq->armed != IB_CQ_NEXT_COMP &&
	    !(cq->armed == IB_CQ_SOLICITED && solicited))
		return false;
	cq->armed = 0;
	return true;
}

bool prxe_cq_post(struct prxe_cq *cq, struct prxe_cqe *cqe, bool solicited)
{
	struct prxe_queue *q = &cq->queue;
	bool told = false, lost = false, wake = false;
	unsigned long flags;

	cqe->timestamp = cq->timestamps ? ktime_get_raw_ns() : 0;
	trace_complete(&cq->ibcq, cqe);

	spin_lock_irqsave(&cq->lock, flags);
	if (cq->overflow) {
		/* lost silently, the event was raised */
	} else if (pending(cq) >= q->nr) {
		cq->overflow = true;
		lost = true;
	} else {
		memcpy(prxe_queue_slot(q, cq->producer), cqe, sizeof(*cqe));
		cq->producer++;
		/* Pairs with the acquire of whoever polls. */
		smp_store_release(&q->ring->producer, cq->producer);
		told = true;
		wake = disarm(cq, solicited);
	}
	spin_unlock_irqrestore(&cq->lock, flags);

	if (wake)
		notify(cq);
	if (lost)
		overflow(cq);
	return told;
}

static void prxe_cq_init(struct prxe_cq *cq)
{
	mutex_init(&cq->resize_mutex);
	spin_lock_init(&cq->lock);
	cq->user = cq->queue.user;
	INIT_WORK(&cq->notify_work, prxe_cq_notify_work);
	cq->ibcq.cqe = cq->queue.nr;
}

static int check_attr(const struct ib_cq_init_attr *attr)
{
	if (!attr->cqe || attr->cqe > PRXE_MAX_CQE)
		return -EINVAL;
	if (attr->flags & ~(u32)IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * prxe_create_cq() - make a completion queue of a kernel user
 * @ibcq: the queue, zeroed
 * @attr: its size
 * @attrs: NULL
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP or -ENOMEM.
 */
int prxe_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		   struct uverbs_attr_bundle *attrs)
{
	struct prxe_cq *cq = to_pcq(ibcq);
	int err;

	err = check_attr(attr);
	if (err)
		return err;
	err = prxe_queue_create(&cq->queue, NULL, attr->cqe,
				sizeof(struct prxe_cqe), NULL);
	if (err)
		return err;
	prxe_cq_init(cq);
	return 0;
}

/**
 * prxe_create_user_cq() - make a completion queue shared with user space
 * @ibcq: the queue, zeroed
 * @attr: its size
 * @attrs: udata: &struct prxe_create_cq_req, &struct prxe_create_cq_resp
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP for a flag we do not have; -ENOMEM; -EFAULT.
 */
int prxe_create_user_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
			struct uverbs_attr_bundle *attrs)
{
	struct prxe_cq *cq = to_pcq(ibcq);
	struct ib_udata *udata = &attrs->driver_udata;
	struct prxe_create_cq_resp resp = {};
	struct prxe_create_cq_req req;
	int err;

	err = check_attr(attr);
	if (err)
		return err;
	err = ib_copy_validate_udata_in_cm(udata, req, reserved, 0);
	if (err)
		return err;
	if (req.flags & ~PRXE_CQ_TIMESTAMP || req.reserved)
		return -EOPNOTSUPP;
	if (udata->outlen < sizeof(resp))
		return -EINVAL;

	err = prxe_queue_create(&cq->queue, attrs->context, attr->cqe,
				sizeof(struct prxe_cqe), &resp.ring);
	if (err)
		return err;
	prxe_cq_init(cq);
	cq->timestamps = req.flags & PRXE_CQ_TIMESTAMP ||
			 attr->flags & IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION;

	err = ib_respond_udata(udata, resp);
	if (err) {
		prxe_queue_destroy(&cq->queue);
		mutex_destroy(&cq->resize_mutex);
	}
	return err;
}

/* Move entries from @idx on, up to @to, @most of them. Return: the next one. */
static u32 move_entries(struct prxe_queue *new, const struct prxe_queue *old,
			u32 idx, u32 to, u32 most)
{
	while (idx != to && most--) {
		memcpy(prxe_queue_slot(new, idx), prxe_queue_slot(old, idx),
		       sizeof(struct prxe_cqe));
		idx++;
	}
	return idx;
}

/*
 * One step of exchange_ring(): @moved is where the last one came to. Return: 0;
 * -EAGAIN: another step; -EINVAL: what is there does not fit.
 */
static int exchange_step(struct prxe_cq *cq, struct prxe_queue *new,
			 u32 *moved)
{
	u32 consumer, n;

	guard(spinlock_irqsave)(&cq->lock);
	n = pending(cq);
	if (n > cq->queue.nr || n > new->nr)
		return -EINVAL;
	consumer = cq->producer - n;
	if ((s32)(consumer - *moved) > 0)
		*moved = consumer;	/* polled, though nobody should */
	*moved = move_entries(new, &cq->queue, *moved, cq->producer, 256);
	if (*moved != cq->producer)
		return -EAGAIN;
	new->ring->producer = cq->producer;
	new->ring->consumer = consumer;
	swap(cq->queue, *new);
	cq->ibcq.cqe = cq->queue.nr;
	return 0;
}

/*
 * Fill @new with what is not polled and make it the ring; @new becomes the one
 * before. Entries are moved a few at a time, for the lock has interrupts off.
 * Return: 0; -EINVAL if they do not fit.
 */
static int exchange_ring(struct prxe_cq *cq, struct prxe_queue *new)
{
	u32 moved;
	int err;

	scoped_guard(spinlock_irqsave, &cq->lock)
		moved = cq->producer - pending(cq);
	while ((err = exchange_step(cq, new, &moved)) == -EAGAIN)
		cond_resched();
	return err;
}

/**
 * prxe_resize_user_cq() - give a completion queue another size
 * @ibcq: the queue
 * @cqe: entries that it shall have room for
 * @udata: none in, &struct prxe_resize_cq_resp out
 *
 * Entries that were not polled are moved, in order, and keep their indices.
 *
 * Context: process.
 * Return: 0; -EINVAL, also if more entries are there than would fit; -ENOMEM;
 * -EFAULT. Nothing has changed after an error.
 */
int prxe_resize_user_cq(struct ib_cq *ibcq, unsigned int cqe,
			struct ib_udata *udata)
{
	struct prxe_ucontext *uc =
		rdma_udata_to_drv_context(udata, struct prxe_ucontext, ibuc);
	struct prxe_cq *cq = to_pcq(ibcq);
	struct prxe_resize_cq_resp resp = {};
	struct prxe_queue ring;
	int err;

	if (!cqe || cqe > PRXE_MAX_CQE || udata->outlen < sizeof(resp))
		return -EINVAL;
	err = ib_is_udata_in_empty(udata);
	if (err)
		return err;

	guard(mutex)(&cq->resize_mutex);
	err = prxe_queue_create(&ring, &uc->ibuc, cqe, sizeof(struct prxe_cqe),
				&resp.ring);
	if (err)
		return err;
	err = ib_respond_udata(udata, resp);
	if (!err)
		err = exchange_ring(cq, &ring);
	prxe_queue_destroy(&ring);	/* the one before, or the one in vain */
	return err;
}

/**
 * prxe_destroy_cq() - destroy a completion queue
 * @ibcq: the queue; no queue pair uses it any more
 * @udata: not used
 *
 * Return: 0.
 */
int prxe_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct prxe_cq *cq = to_pcq(ibcq);

	disable_work_sync(&cq->notify_work);
	prxe_queue_destroy(&cq->queue);
	mutex_destroy(&cq->resize_mutex);
	return 0;
}

/* The queue pair a completion is of, or NULL if it is gone. */
static struct ib_qp *wc_qp(const struct prxe_cq *cq, u32 qpn)
{
	struct prxe_dev *dev = to_pdev(cq->ibcq.device);
	struct prxe_qp *qp;

	guard(rcu)();
	qp = qpn == PRXE_GSI_QPN ? rcu_dereference(dev->gsi_qp) : prxe_qp_lookup(qpn);
	return qp ? &qp->ibqp : NULL;
}

static void fill_wc(const struct prxe_cq *cq, const struct prxe_cqe *cqe,
		    struct ib_wc *wc)
{
	*wc = (struct ib_wc) {
		.wr_id = cqe->wr_id,
		.status = cqe->status,
		.opcode = cqe->opcode,
		.vendor_err = cqe->vendor_err,
		.byte_len = cqe->byte_len,
		.qp = wc_qp(cq, cqe->qp_num),
		.src_qp = cqe->src_qp,
		.pkey_index = cqe->pkey_index,
		.port_num = 1,
	};
	if (cqe->flags & PRXE_WC_GRH)
		wc->wc_flags |= IB_WC_GRH;
	if (cqe->flags & PRXE_WC_WITH_VLAN) {
		wc->wc_flags |= IB_WC_WITH_VLAN;
		wc->vlan_id = cqe->vlan_id;
	}
	if (cqe->flags & PRXE_WC_WITH_IMM) {
		wc->wc_flags |= IB_WC_WITH_IMM;
		wc->ex.imm_data = (__force __be32)cqe->imm_data;
	}
	if (cqe->flags & PRXE_WC_WITH_INVALIDATE) {
		wc->wc_flags |= IB_WC_WITH_INVALIDATE;
		wc->ex.invalidate_rkey = cqe->imm_data;
	}
}

/**
 * prxe_poll_cq() - take completions; kernel users
 * @ibcq: the queue
 * @num_entries: how many at most
 * @wc: where to
 *
 * Context: any.
 * Return: how many there were; -EINVAL for a queue that user space polls.
 */
int prxe_poll_cq(struct ib_cq *ibcq, int num_entries, struct ib_wc *wc)
{
	struct prxe_cq *cq = to_pcq(ibcq);
	unsigned long flags;
	int n;

	if (cq->user)
		return -EINVAL;

	spin_lock_irqsave(&cq->lock, flags);
	for (n = 0; n < num_entries && pending(cq); n++) {
		fill_wc(cq, prxe_queue_slot(&cq->queue, cq->consumer), &wc[n]);
		cq->consumer++;
	}
	spin_unlock_irqrestore(&cq->lock, flags);
	return n;
}

/**
 * prxe_req_notify_cq() - ask for one notification
 * @ibcq: the queue
 * @flags: of what; with IB_CQ_REPORT_MISSED_EVENTS also look
 *
 * A wish for any completion is not narrowed to solicited ones by a later one.
 *
 * Context: any.
 * Return: 1 if it was asked to look and there is something to poll, else 0.
 */
int prxe_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	struct prxe_cq *cq = to_pcq(ibcq);
	unsigned long irq;
	int ret;

	spin_lock_irqsave(&cq->lock, irq);
	if (cq->armed != IB_CQ_NEXT_COMP)
		cq->armed = flags & IB_CQ_SOLICITED_MASK;
	ret = (flags & IB_CQ_REPORT_MISSED_EVENTS) && pending(cq);
	spin_unlock_irqrestore(&cq->lock, irq);
	return ret;
}
