// SPDX-License-Identifier: GPL-2.0
/*
 * libfabric ram|bar SECONDS listen|connect ADDRESS: GPU buffers in libfabric's
 * hands, as MPI and the collective libraries have them. Two of these exchange messages
 * as long as asked, both directions at once, from GPU buffer to GPU buffer, by write with
 * data, send, write and read in turn, and verify every byte. The buffers are registered
 * with FI_MR_DMABUF, in pieces that begin and end off the page grid.
 *
 * Their addresses are reserved and cannot be touched, as those of a GPU are for the CPU:
 * neither a registration of user memory nor a copy of libfabric's own would work.
 *
 * The one that connects tells when all is exchanged, and keeps everything until its
 * standard input ends.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../verbs/pair.h"

/* Both helpers have a fill(); see CMakeLists.txt. */
#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill

#include "libfabric.h"

#define PORT	"7472"
#define SLOTS	4
#define LANDING	(2 * SLOTS + 2)		/* messages and credits on their way, a bye, one in hand */
#define SIZE	100003			/* of a piece */
#define STRIDE	(SIZE + 1371)
#define FIRST	4099			/* where the first piece begins */
#define RIGHTS	(FI_SEND | FI_RECV | FI_READ | FI_WRITE | FI_REMOTE_READ | FI_REMOTE_WRITE)

/* What the remote data of a completion says: the kind above, the number below. */
enum { MESSAGE, CREDIT, BYE };
#define KIND_SHIFT	30
#define NUMBER		((1u << KIND_SHIFT) - 1)

/* How a message travels: by its number. */
enum means { WRITE_DATA, SEND, WRITE, READ, MEANS };

/* A piece of a GPU buffer, and its region. */
struct piece {
	struct fid_mr *mr;
	uint8_t *cpu;			/* where the CPU sees it */
	char *addr;			/* what libfabric calls it */
	uint32_t n;			/* the message that is read into it */
};

/* A GPU buffer in pieces. */
struct chunk {
	struct buffer buf;
	void *reserved;
	struct piece piece[LANDING];
	int pieces;
};

/* What the sides tell each other first: pieces to write to, pieces to read from. */
struct table {
	struct { uint64_t addr, key; } in[SLOTS], out[SLOTS];
};

struct app {
	struct device gpu;
	struct link link;
	struct chunk in, out, landing;
	struct table *mine, *peers;
	struct fid_mr *tables;		/* both of them */
	uint32_t side;			/* of the patterns: 0 listens, 1 connects */
	uint32_t sent, credited, received;
	bool busy[SLOTS];		/* pieces of @out in use */
	unsigned int posted;		/* operations not complete */
	uint64_t bytes;			/* verified */
	bool know_peer, said_bye, heard_bye;
	time_t end;
};

static uint32_t mix(uint32_t x)
{
	x = (x ^ (x >> 16)) * 0x7feb352du;
	x = (x ^ (x >> 15)) * 0x846ca68bu;
	return x ^ (x >> 16);
}

/* Most are short, one in five has any length. */
static size_t length_of(uint32_t n)
{
	return 1 + mix(n) % (n % 5 ? 9000 : SIZE);
}

static size_t offset_of(uint32_t n)
{
	return mix(n ^ 0x5a5a5a5a) % (SIZE - length_of(n) + 1);
}

static uint32_t seed_of(uint32_t n, uint32_t side)
{
	return mix(2 * n + side);
}

static enum means means_of(uint32_t n)
{
	return n % MEANS;
}

static unsigned int slot_of(uint32_t n)
{
	return n % SLOTS;
}

static int register_piece(struct app *app, int fd, size_t offset, void *base,
			  struct fid_mr **mr)
{
	struct fi_mr_dmabuf dmabuf = {
		.fd = fd, .offset = offset, .len = SIZE, .base_addr = base,
	};
	struct fi_mr_attr attr = {
		.dmabuf = &dmabuf, .iov_count = 1, .access = RIGHTS,
		.iface = FI_HMEM_SYSTEM,
	};

	return fi_mr_regattr(app->link.domain, &attr, FI_MR_DMABUF, mr);
}

static void chunk_make(struct app *app, struct chunk *c, int pieces)
{
	int fd;

	c->pieces = pieces;
	buffer_create(&app->gpu, &c->buf, FIRST + pieces * STRIDE);
	buffer_map(&c->buf);
	c->reserved = mmap(NULL, c->buf.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(c->reserved != MAP_FAILED, "mmap: %m");
	fd = buffer_export(&c->buf);
	for (int i = 0; i < pieces; i++) {
		size_t offset = FIRST + i * STRIDE;
		struct piece *p = &c->piece[i];

		NEED(register_piece(app, fd, offset, c->reserved, &p->mr));
		p->cpu = c->buf.map + offset;
		p->addr = (char *)c->reserved + offset;
	}
	close(fd);
}

static void chunk_drop(struct chunk *c)
{
	for (int i = 0; i < c->pieces; i++)
		NEED(fi_close(&c->piece[i].mr->fid));
	munmap(c->reserved, c->buf.size);
	buffer_destroy(&c->buf);
}

static void refused(struct app *app, int want, int fd, size_t offset, const char *what)
{
	struct fid_mr *mr = NULL;
	int ret = register_piece(app, fd, offset, NULL, &mr);

	CHECK(ret == -want, "%s: %s, not %s", what, fi_strerror(-ret), fi_strerror(want));
	CHECK(!mr, "%s: there is a region", what);
}

/* What is no dma-buf, or ends too early, is no region. */
static void refusals(struct app *app)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), closed = dup(null), fd;
	struct buffer buf;

	CHECK(null >= 0 && closed >= 0, "/dev/null: %m");
	buffer_create(&app->gpu, &buf, SIZE + FIRST);
	fd = buffer_export(&buf);
	close(closed);
	refused(app, FI_EBADF, -1, 0, "fd -1");
	refused(app, FI_EBADF, closed, 0, "a closed fd");
	refused(app, FI_EINVAL, null, 0, "a device file");
	refused(app, FI_EINVAL, app->gpu.fd, 0, "a DRM node");
	refused(app, FI_EINVAL, fd, buf.size - SIZE + 1, "a byte too long");
	refused(app, FI_EINVAL, fd, buf.size, "behind the end");
	close(fd);
	close(null);
	buffer_destroy(&buf);
}

/* A message without data of its own. */
static void tell(struct app *app, uint32_t kind, uint32_t n)
{
	NEED(fi_senddata(app->link.ep, NULL, 0, NULL, kind << KIND_SHIFT | n, 0, NULL));
	app->posted++;
}

static void receive(struct app *app, struct piece *p)
{
	NEED(fi_recv(app->link.ep, p->addr, SIZE, fi_mr_desc(p->mr), 0, p));
}

/*
 * Message @n on its way. A write is announced by an empty message behind it, a read is the
 * peer's, after such a message.
 */
static void produce(struct app *app, uint32_t n)
{
	struct piece *p = &app->out.piece[slot_of(n)];
	uint64_t there = app->peers->in[slot_of(n)].addr + offset_of(n);
	uint64_t key = app->peers->in[slot_of(n)].key;
	char *here = p->addr + offset_of(n);
	void *desc = fi_mr_desc(p->mr);
	size_t len = length_of(n);
	struct fid_ep *ep = app->link.ep;

	fill(p->cpu + offset_of(n), len, seed_of(n, app->side));
	switch (means_of(n)) {
	case WRITE_DATA:
		NEED(fi_writedata(ep, here, len, desc, n, 0, there, key, NULL));
		app->posted++;
		break;
	case SEND:
		NEED(fi_senddata(ep, here, len, desc, n, 0, NULL));
		app->posted++;
		break;
	case WRITE:
		NEED(fi_write(ep, here, len, desc, 0, there, key, NULL));
		app->posted++;
		tell(app, MESSAGE, n);
		break;
	default:
		tell(app, MESSAGE, n);
	}
}

static void read_from_peer(struct app *app, uint32_t n)
{
	struct piece *p = &app->in.piece[slot_of(n)];

	p->n = n;
	NEED(fi_read(app->link.ep, p->addr + offset_of(n), length_of(n), fi_mr_desc(p->mr), 0,
		     app->peers->out[slot_of(n)].addr + offset_of(n),
		     app->peers->out[slot_of(n)].key, p));
	app->posted++;
}

static void consume(struct app *app, const uint8_t *data, uint32_t n)
{
	static const char *const what[] = {
		[WRITE_DATA] = "write with data", [SEND] = "send",
		[WRITE] = "write", [READ] = "read",
	};

	need_pattern(data, length_of(n), seed_of(n, !app->side), what[means_of(n)]);
	app->bytes += length_of(n);
	tell(app, CREDIT, n);
}

/* Message @n of the peer's has come, or can be read; @landing was received into. */
static void arrived(struct app *app, uint32_t n, const struct fi_cq_data_entry *e,
		    const struct piece *landing)
{
	enum means means = means_of(n);
	size_t len = means == WRITE_DATA || means == SEND ? length_of(n) : 0;
	bool write = e->flags & FI_REMOTE_WRITE;

	CHECK(n == app->received, "message %u, not %u", n, app->received);
	CHECK(write == (means == WRITE_DATA), "flags %#llx", (unsigned long long)e->flags);
	CHECK(e->len == len, "message %u: %zu bytes, not %zu", n, e->len, len);
	app->received++;
	if (means == READ)
		read_from_peer(app, n);
	else if (means == SEND)
		consume(app, landing->cpu, n);
	else
		consume(app, app->in.piece[slot_of(n)].cpu + offset_of(n), n);
}

static void told(struct app *app, const struct fi_cq_data_entry *e)
{
	struct piece *landing = e->op_context;
	uint32_t n = e->data & NUMBER;

	CHECK(e->flags & FI_REMOTE_CQ_DATA, "flags %#llx", (unsigned long long)e->flags);
	switch (e->data >> KIND_SHIFT) {
	case MESSAGE:
		arrived(app, n, e, landing);
		break;
	case CREDIT:
		CHECK(n < app->sent && app->busy[slot_of(n)], "credit %u", n);
		app->busy[slot_of(n)] = false;
		app->credited++;
		break;
	default:
		app->heard_bye = true;
	}
	receive(app, landing);
}

static void complete(struct app *app, const struct fi_cq_data_entry *e)
{
	struct piece *p = e->op_context;

	if (e->flags & (FI_SEND | FI_WRITE | FI_READ)) {
		app->posted--;
		if (e->flags & FI_READ)
			consume(app, p->cpu + offset_of(p->n), p->n);
	} else if (app->know_peer) {
		told(app, e);
	} else {
		CHECK(e->len == sizeof(*app->peers), "%zu bytes", e->len);
		app->know_peer = true;
	}
}

/* All completions there are; waits for one when asked. */
static void progress(struct app *app, bool wait)
{
	struct fi_cq_data_entry e;

	while (link_completion(&app->link, &e, wait)) {
		complete(app, &e);
		wait = false;
	}
}

static void introduce(struct app *app)
{
	for (int i = 0; i < SLOTS; i++) {
		app->mine->in[i].addr = (uintptr_t)app->in.piece[i].addr;
		app->mine->in[i].key = fi_mr_key(app->in.piece[i].mr);
		app->mine->out[i].addr = (uintptr_t)app->out.piece[i].addr;
		app->mine->out[i].key = fi_mr_key(app->out.piece[i].mr);
	}
	NEED(fi_send(app->link.ep, app->mine, sizeof(*app->mine), fi_mr_desc(app->tables),
		     0, NULL));
	app->posted++;
	while (!app->know_peer)
		progress(app, true);
}

static void exchange(struct app *app)
{
	while (!app->said_bye || !app->heard_bye || app->posted) {
		bool over = time(NULL) >= app->end && app->sent > 8 * SLOTS;
		uint32_t n = app->sent;

		if (!over && !app->busy[slot_of(n)]) {
			app->busy[slot_of(n)] = true;
			app->sent++;
			produce(app, n);
		} else if (over && !app->said_bye && app->sent == app->credited) {
			tell(app, BYE, 0);
			app->said_bye = true;
		} else {
			progress(app, true);
			continue;
		}
		progress(app, false);
	}
}

/* Memory, regions and receives, before the peer can send. */
static void prepare(struct link *link, void *context)
{
	struct app *app = context;

	refusals(app);
	chunk_make(app, &app->in, SLOTS);
	chunk_make(app, &app->out, SLOTS);
	chunk_make(app, &app->landing, LANDING);

	app->mine = calloc(2, sizeof(*app->mine));
	CHECK(app->mine, "no memory");
	app->peers = app->mine + 1;
	NEED(fi_mr_reg(link->domain, app->mine, 2 * sizeof(*app->mine), FI_SEND | FI_RECV,
		       0, 0, 0, &app->tables, NULL));
	NEED(fi_recv(link->ep, app->peers, sizeof(*app->peers), fi_mr_desc(app->tables),
		     0, NULL));
	for (int i = 0; i < LANDING; i++)
		receive(app, &app->landing.piece[i]);
}

static void leave(struct app *app)
{
	char c;

	if (app->side) {
		puts("exchanged");
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
		NEED(fi_shutdown(app->link.ep, 0));
	} else {
		link_event(&app->link, FI_SHUTDOWN);
	}
	NEED(fi_close(&app->link.ep->fid));
	chunk_drop(&app->in);
	chunk_drop(&app->out);
	chunk_drop(&app->landing);
	NEED(fi_close(&app->tables->fid));
	link_close(&app->link);
	free(app->mine);
}

int main(int argc, char **argv)
{
	struct app app = {};

	if (argc != 5) {
		fprintf(stderr, "usage: libfabric ram|bar SECONDS listen|connect ADDRESS\n");
		return 2;
	}
	device_open(&app.gpu, argv[1]);
	app.side = !strcmp(argv[3], "connect");
	link_open(&app.link, app.side, argv[4], PORT, prepare, &app);
	introduce(&app);
	app.end = time(NULL) + atoi(argv[2]);
	exchange(&app);
	fprintf(stderr, "%u messages out, %u in, %.1f MiB verified\n", app.sent, app.received,
		app.bytes / 1048576.0);
	leave(&app);
	return 0;
}
