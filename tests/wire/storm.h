/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A storm of packets that no peer sends, from a raw socket: see storm.c.
 *
 * Written from the specification alone: no line is shared with the driver.
 */
#ifndef PRXE_TESTS_STORM_H
#define PRXE_TESTS_STORM_H

#include <stdbool.h>
#include <stdint.h>

#define STORM_BODY	512	/* bytes of a packet, BTH to ICRC, at most */

/* What a receiver makes of a packet. */
enum storm_fate {
	STORM_ANY,		/* depends: answered, refused or dropped */
	STORM_MALFORMED,
	STORM_ICRC,
	STORM_UNKNOWN,		/* no such queue pair */
	STORM_CONGESTION,	/* a notification of it, which has a counter and no effect */
};

/* Who is aimed at, and what of his a packet may name. */
struct storm_target {
	uint8_t transport;	/* upper three bits of opcodes: RC 0, UC 1, UD 3 */
	uint32_t qpn;
	uint32_t psn;		/* that it expects next, if all went well */
	uint32_t sq_psn;	/* of its own requests */
	uint32_t qkey;
};

struct storm_memory {
	uint64_t addr;
	uint32_t rkey;
};

struct storm_aim {
	struct storm_target *at;
	struct storm_memory open;	/* all rights */
	struct storm_memory readonly;
	struct storm_memory foreign;	/* of another protection domain */
	uint32_t len;			/* of each */
};

struct storm_packet {
	unsigned int len;
	uint8_t body[STORM_BODY + 16];
};

/**
 * struct storm_kind - a way to be wrong
 * @name: as printed
 * @fate: of all of them
 * @make: writes one, without ICRC, for which the last four bytes are left
 * @spoil: changes it once it has its ICRC; may be NULL
 * @moves: the target may expect the next PSN after it
 */
struct storm_kind {
	const char *name;
	enum storm_fate fate;
	void (*make)(struct storm_packet *p, const struct storm_aim *aim);
	void (*spoil)(struct storm_packet *p);
	bool moves;
};

extern const struct storm_kind storm_kinds[];
extern const unsigned int storm_nr_kinds;

/* The same numbers for the same seed. */
void storm_seed(uint64_t seed);
uint64_t storm_random(void);
uint32_t storm_below(uint32_t n);

/* storm_wire.c */
struct storm_wire {
	int sock;
	bool v6;
	unsigned int hdr_len;
	uint8_t hdr[14 + 40 + 8];	/* Ethernet, IP, UDP */
};

/* Between two network devices in namespaces of their own; ends the process if not. */
void storm_open(struct storm_wire *w, bool v6, const char *from, const char *from_dev,
		const char *to, const char *to_dev);
/* The last four bytes of @p become the ICRC that it has on this wire. */
void storm_icrc(const struct storm_wire *w, struct storm_packet *p);
/* Send them, all of them. */
void storm_send(const struct storm_wire *w, const struct storm_packet *p,
		unsigned int n);

#endif
