// SPDX-License-Identifier: GPL-2.0
/* Memory of the two kinds, made, registered and looked at in the same way. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

void mem_make(struct demo *d, struct mem *m, enum mem_kind kind, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->size = size;
	m->fd = -1;
	if (kind == MEM_VRAM) {
		buffer_create(&d->gpu, &m->buf, size);
		m->fd = buffer_export(&m->buf);
		m->size = m->buf.size;
		m->map = fd_map(m->fd, m->size);
		m->iova = VRAM_IOVA;
		return;
	}
	m->map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(m->map != MAP_FAILED, "%zu bytes: %s", size, strerror(errno));
	m->iova = (uintptr_t)m->map;
}

/* The region is the caller's; mem_sge() and mem_free() know the last one. */
struct ibv_mr *mem_register(struct mem *m, struct ibv_pd *pd)
{
	if (m->kind == MEM_VRAM)
		m->mr = ibv_reg_dmabuf_mr(pd, 0, m->size, m->iova, m->fd, RW);
	else
		m->mr = ibv_reg_mr(pd, m->map, m->size, RW);
	CHECK(m->mr, "register %zu bytes of %s: %s", m->size, mem_name(m->kind),
	      strerror(errno));
	return m->mr;
}

void mem_deregister(struct ibv_mr *mr)
{
	int err = ibv_dereg_mr(mr);

	CHECK(!err, "deregister: %s", strerror(err));
}

void mem_free(struct mem *m)
{
	if (m->mr)
		mem_deregister(m->mr);
	munmap(m->map, m->size);
	if (m->kind == MEM_VRAM) {
		close(m->fd);
		buffer_destroy(&m->buf);
	}
	memset(m, 0, sizeof(*m));
}

void mem_cpu_begin(struct mem *m)
{
	if (m->kind == MEM_VRAM)
		sync_begin(m->fd);
}

void mem_cpu_end(struct mem *m)
{
	if (m->kind == MEM_VRAM)
		sync_end(m->fd);
}

struct ibv_sge mem_sge(const struct mem *m, size_t off, size_t len)
{
	return (struct ibv_sge) {
		.addr = m->iova + off,
		.length = (uint32_t)len,
		.lkey = m->mr->lkey,
	};
}

void set_fragment(struct demo *d, size_t pages)
{
	int err = debugfs_write(&d->gpu, "fragment", "%zu", pages);

	CHECK(!err, "fragment: %s", strerror(err));
}

const char *mem_name(enum mem_kind kind)
{
	return kind == MEM_VRAM ? "VRAM" : "host";
}

size_t count_wrong(const uint8_t *p, size_t len, uint32_t seed)
{
	uint8_t *want = malloc(len);
	size_t i, wrong = 0;

	CHECK(want, "no memory");
	softgpu_fill(want, len, seed);
	if (memcmp(p, want, len))
		for (i = 0; i < len; i++)
			wrong += p[i] != want[i];
	free(want);
	return wrong;
}

size_t count_not(const uint8_t *p, size_t len, uint8_t value)
{
	size_t i, wrong = 0;

	for (i = 0; i < len; i++)
		wrong += p[i] != value;
	return wrong;
}
