// SPDX-License-Identifier: GPL-2.0
#include "local.h"

#include <pthread.h>
#include <unistd.h>

#define PARAM	"/sys/module/prxe/parameters/local_path"

void local_path(bool on)
{
	FILE *f = fopen(PARAM, "we");

	CHECK(f, PARAM);
	fputc(on ? 'Y' : 'N', f);
	CHECK(!fclose(f), "%m");
}

/* Counters are read afresh every 10 ms. */
unsigned long counter(const char *device, const char *name)
{
	unsigned long value;
	char path[256];
	FILE *f;
	int n;

	usleep(30000);
	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/ports/1/hw_counters/%s", device, name);
	f = fopen(path, "re");
	CHECK(f, "%s", path);
	n = fscanf(f, "%lu", &value);
	CHECK(n == 1, "%s", path);
	fclose(f);
	return value;
}

void local_path_on(void)
{
	local_path(true);
}

static pthread_t flipper;
static bool flip_end;

static void *flip(void *arg)
{
	unsigned int seed = 1;
	bool on = false;

	(void)arg;
	while (!__atomic_load_n(&flip_end, __ATOMIC_RELAXED)) {
		local_path(on = !on);
		usleep((useconds_t)rand_r(&seed) % 300);
	}
	return NULL;
}

void flip_begin(void)
{
	flip_end = false;
	CHECK(!pthread_create(&flipper, NULL, flip, NULL), "thread");
}

void flip_stop(void)
{
	__atomic_store_n(&flip_end, true, __ATOMIC_RELAXED);
	CHECK(!pthread_join(flipper, NULL), "join");
	local_path(true);
}

void to_state(struct ibv_qp *qp, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = { .qp_state = state };

	CHECK(!ibv_modify_qp(qp, &attr, IBV_QP_STATE), "to %d", state);
}

void soon_tired(struct pair_opt *opt)
{
	opt->timeout = 10;	/* 4 ms */
	opt->retry_cnt = 1;
}
