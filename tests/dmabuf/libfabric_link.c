// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "libfabric.h"

static struct fi_info *hints_make(void)
{
	struct fi_info *hints = fi_allocinfo();

	CHECK(hints, "no memory");
	hints->caps = FI_MSG | FI_RMA;
	hints->mode = FI_RX_CQ_DATA;
	hints->addr_format = FI_SOCKADDR_IN;
	hints->ep_attr->type = FI_EP_MSG;
	hints->domain_attr->mr_mode =
		FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_VIRT_ADDR;
	hints->fabric_attr->prov_name = strdup("verbs");
	CHECK(hints->fabric_attr->prov_name, "no memory");
	return hints;
}

struct fi_info *link_event(struct link *link, uint32_t want)
{
	struct fi_eq_cm_entry entry = {};
	struct fi_eq_err_entry err = {};
	uint32_t event;
	ssize_t ret;

	do
		ret = fi_eq_sread(link->eq, &event, &entry, sizeof(entry), -1, 0);
	while (ret == -FI_EAGAIN || ret == -FI_EINTR);
	if (ret == -FI_EAVAIL) {
		fi_eq_readerr(link->eq, &err, 0);
		FAIL("event %u: %s, %d", want, fi_strerror(err.err), err.prov_errno);
	}
	CHECK(ret >= (ssize_t)sizeof(entry), "fi_eq_sread: %s", fi_strerror(-ret));
	CHECK(event == want, "event %u, not %u", event, want);
	return entry.info;
}

bool link_completion(struct link *link, struct fi_cq_data_entry *entry, bool wait)
{
	struct fi_cq_err_entry err = {};
	ssize_t ret;

	do
		ret = wait ? fi_cq_sread(link->cq, entry, 1, NULL, -1) :
			     fi_cq_read(link->cq, entry, 1);
	while (wait && (ret == -FI_EAGAIN || ret == -FI_EINTR));
	if (ret == -FI_EAGAIN)
		return false;
	if (ret == -FI_EAVAIL) {
		fi_cq_readerr(link->cq, &err, 0);
		FAIL("completion: %s, %s", fi_strerror(err.err),
		     fi_cq_strerror(link->cq, err.prov_errno, NULL, NULL, 0));
	}
	CHECK(ret == 1, "fi_cq_read: %s", fi_strerror(-ret));
	return true;
}

static void listen_on(struct link *link)
{
	struct fi_info *info;

	NEED(fi_passive_ep(link->fabric, link->info, &link->pep, NULL));
	NEED(fi_pep_bind(link->pep, &link->eq->fid, 0));
	NEED(fi_listen(link->pep));
	info = link_event(link, FI_CONNREQ);
	fi_freeinfo(link->info);
	link->info = info;
}

static void make_endpoint(struct link *link)
{
	struct fi_cq_attr attr = {
		.size = 256, .format = FI_CQ_FORMAT_DATA, .wait_obj = FI_WAIT_UNSPEC,
	};

	/* No data of ours goes inline: libfabric would have the CPU read it. */
	link->info->tx_attr->inject_size = 0;
	NEED(fi_domain(link->fabric, link->info, &link->domain, NULL));
	NEED(fi_cq_open(link->domain, &attr, &link->cq, NULL));
	NEED(fi_endpoint(link->domain, link->info, &link->ep, NULL));
	NEED(fi_ep_bind(link->ep, &link->eq->fid, 0));
	NEED(fi_ep_bind(link->ep, &link->cq->fid, FI_TRANSMIT | FI_RECV));
	NEED(fi_enable(link->ep));
}

void link_open(struct link *link, bool connect, const char *address, const char *port,
	       void (*prepare)(struct link *link, void *context), void *context)
{
	struct fi_info *hints = hints_make();
	struct fi_eq_attr attr = { .wait_obj = FI_WAIT_UNSPEC };

	NEED(fi_getinfo(FI_VERSION(1, 20), address, port, connect ? 0 : FI_SOURCE,
			hints, &link->info));
	fi_freeinfo(hints);
	NEED(fi_fabric(link->info->fabric_attr, &link->fabric, NULL));
	NEED(fi_eq_open(link->fabric, &attr, &link->eq, NULL));
	if (!connect)
		listen_on(link);
	make_endpoint(link);
	prepare(link, context);
	if (connect)
		NEED(fi_connect(link->ep, link->info->dest_addr, NULL, 0));
	else
		NEED(fi_accept(link->ep, NULL, 0));
	link_event(link, FI_CONNECTED);
}

void link_close(struct link *link)
{
	NEED(fi_close(&link->cq->fid));
	NEED(fi_close(&link->domain->fid));
	if (link->pep)
		NEED(fi_close(&link->pep->fid));
	NEED(fi_close(&link->eq->fid));
	NEED(fi_close(&link->fabric->fid));
	fi_freeinfo(link->info);
}
