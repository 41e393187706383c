/* SPDX-License-Identifier: GPL-2.0 */
/*
 * torture: processes, queue pairs, regions, dma-bufs and devices end at random
 * points while data is on its way; nothing may crash, hang, be lost or be left.
 *
 * The conductor (main.c) keeps some cells busy. A cell is a writer on one device
 * and a target on the other:
 *
 *	writer --RDMA--> target	[<--dma-buf over a UNIX socket-- owner]
 *			    \-fork- child
 *
 * and ends as its plan says (cell.c). A helper evicts GPU buffers and brings them
 * back, another one watches for hangs (helpers.c). Between and under the cells, devices
 * go away: the shell (lifetimes.test) removes and makes them, told by the conductor.
 * Both kinds of events come from decks that the seed has shuffled (deck.c).
 *
 * What is true at the end of each cell, whoever was killed: a write that completed
 * with success is in the target's memory, one that did not is there, or in part, or
 * not, and no byte beside the slots has changed. Which is which stands in memory that
 * all share. Nothing changes any more after the region's owner has ended.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "../verbs/pair.h"

/* Both helpers have a fill(); see ../dmabuf/CMakeLists.txt. */
#define fill softgpu_fill
#include "../dmabuf/softgpu_test.h"
#undef fill

#define MAX_CELLS	4

/*
 * The target's memory: slots with guards between them, inside of the region; a
 * counter for atomics; receive buffers. The region leaves out the ends.
 */
#define PAGE		4096
#define BUF_SIZE	(64 * PAGE)
#define NSLOT		6
#define SLOT_MAX	(8 * PAGE)
#define SLOT_AT(i)	((size_t)(1 + 9 * (i)) * PAGE)
#define COUNTER_AT	((size_t)55 * PAGE + 64)
#define NRECV		4
#define RECV_AT(i)	((size_t)(56 + (i)) * PAGE)
#define MR_OFFSET	1024
#define MR_LEN		(61 * PAGE)

#define RIGHTS		(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | \
			 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* Exit statuses of workers. The first is excused by a device that went away. */
#define EXIT_FAILED	1
#define EXIT_WRONG_DATA	2

enum memory { MEM_SHARED, MEM_PRIVATE, MEM_GPU_RAM, MEM_GPU_BAR };

enum role { WRITER, TARGET, OWNER, CHILD, ROLES };

/* How a cell ends, and what is counted for it. */
enum plan {
	PLAN_DRAIN,		/* when all work is done */
	PLAN_QP_BUSY,		/* the writer destroys its QP with work outstanding */
	PLAN_EXIT_BUSY,		/* the writer exits with work outstanding */
	PLAN_MR_FIRST,		/* the target deregisters under traffic */
	PLAN_QP_FIRST,		/* the target destroys its QP under traffic */
	PLAN_KILL_WRITER,
	PLAN_KILL_TARGET,
	PLAN_KILL_BOTH,
	PLAN_EARLY_WRITER,	/* killed while it sets up */
	PLAN_EARLY_TARGET,
	PLAN_SELF_WRITER,	/* the same, at an exact point */
	PLAN_SELF_TARGET,
	PLAN_KILL_OWNER,	/* who made the dma-buf dies, who registered it goes on */
	PLAN_KILL_PARENT,	/* a forked child keeps the contexts alive */
	NPLANS
};

/* What is done to the devices. */
enum removal {
	REMOVE_LINK,		/* rdma link delete */
	REMOVE_NETDEV,
	REMOVE_NAMESPACE,
	REMOVE_MOVE,		/* the network device goes to another namespace */
	REMOVE_MODULE,		/* prxe, then all modules */
	REMOVE_DOWN_UP,
	REMOVE_REFUSED,		/* modules with users stay */
	REMOVE_UNBIND,		/* softgpu's PCI device; the last: not everywhere */
	NREMOVALS
};

/* What is counted beside them. */
enum count {
	DID_WRITE, DID_READ, DID_BOUNCE, DID_ATOMIC, DID_SEND,
	DID_OUTSTANDING,	/* requests that were outstanding at the end */
	DID_TIMEOUT,		/* connections that ran out of retries */
	DID_FD_BEFORE,		/* dma-buf fd closed before the region's end */
	DID_FD_AFTER,
	DID_PASS,		/* dma-bufs registered by who did not make them */
	DID_FORK,
	DID_CHURN,		/* regions and QPs made and destroyed beside the traffic */
	DID_DATAGRAM,		/* the same with address handles */
	DID_SLEEP,		/* completion events that were waited for */
	DID_GONE,		/* workers that were told that their device is gone */
	DID_EVICT, DID_RESTORE,
	DID_MOVE,		/* invalidations that the devices have counted */
	DID_HOST_BYTES,		/* verified */
	DID_GPU_BYTES,
	NCOUNTS
};

struct address {
	atomic_int ready;
	uint32_t qpn;
	union ibv_gid gid;
	uint64_t base;		/* remote address of offset 0 of the memory */
	uint32_t rkey;
};

struct cell {
	/* Constant while the cell lives. */
	uint64_t seed;
	enum plan plan;
	enum memory mem;
	bool keep;		/* the conductor gets the dma-buf, too */
	bool bounce;		/* the writer has a GPU buffer of its own */
	bool churn;
	bool channel;		/* the writer sleeps until there is a completion */
	bool fd_early;		/* the dma-buf fd is closed once it is registered */
	uint8_t host[2];	/* device of writer and target */
	uint8_t depth;
	uint32_t slot_len;
	enum ibv_mtu mtu;
	uint32_t die_at[ROLES];	/* step */
	unsigned int disturb;	/* when it began */
	unsigned int unbinds;
	uint8_t *memory;	/* BUF_SIZE bytes that all share */
	int pass[2];		/* socket pair: owner, target */
	int keeper[2];		/* socket pair: target, conductor */
	int life[2];		/* pipe: at its end when all processes are gone */

	/* Written by the conductor. */
	atomic_bool stop[ROLES];
	atomic_bool doomed[ROLES];	/* about to be killed, or ended */
	atomic_bool ended[ROLES];

	/* Written by the workers. */
	struct address at[2];
	atomic_uint step[ROLES];
	atomic_ulong progress;		/* operations of the writer that succeeded */
	atomic_int child;		/* process id */
	atomic_ulong posted[NSLOT];	/* pattern that is, or may be, on its way */
	atomic_ulong done[NSLOT];	/* pattern that arrived */
	atomic_ulong count_posted;
	atomic_ulong count_done;
};

struct shared {
	struct cell cells[MAX_CELLS];
	atomic_ulong plans[NPLANS];
	atomic_ulong removals[NREMOVALS];
	atomic_ulong counts[NCOUNTS];
	atomic_ulong beat;		/* the conductor gets on */
	atomic_uint disturb;		/* odd: something is being done to the devices */
	atomic_uint unbinds;
	atomic_bool pause;		/* the evictor shall rest... */
	atomic_bool resting;		/* ...and does */
	atomic_bool over;
	bool bar;			/* there is a softgpu on a BAR */
	bool slow;			/* a kernel that checks everything */
	bool serial;			/* mappings are not used while buffers move */
	unsigned int hang_seconds;
	char lock[64];			/* file for this */
};

extern struct shared *shared;
extern const char *const plan_names[NPLANS];
extern const char *const removal_names[NREMOVALS];
extern const char *const count_names[NCOUNTS];

static inline void count(enum count what, unsigned long n)
{
	atomic_fetch_add(&shared->counts[what], n);
}

static inline bool on_gpu(const struct cell *c)
{
	return c->mem == MEM_GPU_RAM || c->mem == MEM_GPU_BAR;
}

/* deck.c: random numbers, and what comes next */
struct rng {
	uint64_t state;
};

struct deck {
	unsigned int kinds;
	unsigned int left;
	uint8_t card[32];
};

uint64_t rng_next(struct rng *rng);
unsigned int rng_below(struct rng *rng, unsigned int n);
unsigned int deck_draw(struct deck *deck, struct rng *rng);

/* pattern.c */
void pattern_fill(uint8_t *p, size_t len, uint64_t seed, uint64_t id);
/* id 0: the guard */
bool pattern_is(const uint8_t *p, size_t len, const struct cell *c, uint64_t id);
/* Is the target's memory as it should be? Says what is not. */
bool memory_verify(const struct cell *c, const uint8_t *p);
uint64_t memory_sum(const uint8_t *p);
uint8_t guard_of(const struct cell *c);

/* worker.c: what the writer and the target have in common */
struct worker {
	struct cell *c;
	enum role role;
	struct rng rng;
	struct end e;
	struct pair_opt opt;
	struct device gpu;
	struct buffer buf;
	int fd;			/* dma-buf, or -1 */
	struct ibv_mr *mr;
	struct ibv_mr *gpu_mr;	/* the writer's */
};

void step(struct worker *w);
bool disturbed(const struct cell *c);
/* Fails the worker, unless the device may be gone. */
void worker_need(struct worker *w, bool ok, const char *what);
void worker_open(struct worker *w);
/* With a completion channel for the send CQ, if the cell has one. */
void worker_create_qp(struct worker *w, bool channel);
void worker_gpu_buffer(struct worker *w, size_t size, bool bar);
bool worker_connect(struct worker *w);
bool worker_device_gone(struct worker *w);
void worker_close(struct worker *w);
/* Hold off moves while a mapping is used, where that is necessary. */
int map_lock(int how);
void map_unlock(int fd);
void fd_send(int sock, int fd);
int fd_receive(int sock, int flags);

void writer_main(struct cell *c) __attribute__((noreturn));
void target_main(struct cell *c) __attribute__((noreturn));
void owner_main(struct cell *c) __attribute__((noreturn));

/* churn.c: make and destroy beside the traffic */
void churn_start(struct worker *w);
void churn_stop(void);

/* cell.c */
void cells_init(unsigned int nr, uint64_t seed, uint8_t *memory);
/* Let it live and end. Returns false when there is no cell in this place. */
bool cell_advance(unsigned int i);
void cell_begin(unsigned int i, enum plan plan);
void cells_end(void);		/* all that still run shall end */
bool cells_busy(void);		/* there is traffic in one at least */
unsigned int cells_alive(void);
unsigned int cells_finished(void);
void cells_check_rest(void);	/* what was verified has not changed since */

/* helpers.c */
void helper_start(void (*fn)(void));
void evictor_main(void);
void watchdog_main(void);
void evictor_rest(bool rest);
/* Say why, show what everybody does, and kill all. */
void hang(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* main.c */
void failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
