// SPDX-License-Identifier: GPL-2.0
/* The ways in which packets are wrong. */
#include "storm.h"

#include <string.h>

#define RC	0x00
#define UC	0x20
#define UD	0x60
#define SEND_FIRST	0x00
#define SEND_MIDDLE	0x01
#define SEND_LAST	0x02
#define SEND_ONLY	0x04
#define WRITE_FIRST	0x06
#define WRITE_MIDDLE	0x07
#define WRITE_ONLY	0x0a
#define WRITE_ONLY_IMM	0x0b
#define READ_REQUEST	0x0c
#define READ_FIRST	0x0d
#define READ_MIDDLE	0x0e
#define READ_LAST	0x0f
#define READ_ONLY	0x10
#define ACK		0x11
#define ATOMIC_ACK	0x12
#define COMPARE_SWAP	0x13
#define FETCH_ADD	0x14
#define FLUSH		0x1c
#define ATOMIC_WRITE	0x1d
#define CNP		0x81
#define CNP_LEN		16	/* reserved bytes behind its BTH */
#define GLOBALLY_VISIBLE	0x01	/* FETH: type, and level */
#define WHOLE_REGION	0x10
#define GSI_QKEY	0x80010000u
#define FLUSH_LEN	100000

static uint64_t state;

void storm_seed(uint64_t seed)
{
	state = seed;
}

/* splitmix64 */
uint64_t storm_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t storm_below(uint32_t n)
{
	return storm_random() % n;
}

static uint8_t *put(struct storm_packet *p, unsigned int len)
{
	uint8_t *at = p->body + p->len;

	p->len += len;
	return at;
}

static void put32(struct storm_packet *p, uint32_t v)
{
	uint8_t *at = put(p, 4);

	at[0] = v >> 24;
	at[1] = v >> 16;
	at[2] = v >> 8;
	at[3] = v;
}

static void put64(struct storm_packet *p, uint64_t v)
{
	put32(p, v >> 32);
	put32(p, v);
}

static void random_bytes(struct storm_packet *p, unsigned int len)
{
	uint8_t *at = put(p, len);
	unsigned int i;

	for (i = 0; i < len; i++)
		at[i] = storm_random();
}

static void bth(struct storm_packet *p, uint8_t opcode, uint32_t qpn, uint32_t psn)
{
	p->len = 0;
	put32(p, (uint32_t)opcode << 24 | 0x40ffff);
	put32(p, qpn & 0xffffff);
	put32(p, (storm_random() & 0x80000000) | (psn & 0xffffff));
}

static void reth(struct storm_packet *p, uint64_t addr, uint32_t rkey, uint32_t len)
{
	put64(p, addr);
	put32(p, rkey);
	put32(p, len);
}

static void icrc(struct storm_packet *p)
{
	put(p, 4);
}

/* A multiple of four, perhaps none. */
static unsigned int some_length(void)
{
	return 4 * storm_below(65);
}

/* Of its own transport, at the place where it expects a packet. */
static void own_bth(struct storm_packet *p, const struct storm_aim *aim, uint8_t code)
{
	bth(p, aim->at->transport << 5 | code, aim->at->qpn, aim->at->psn);
}

static void put_deth(struct storm_packet *p, const struct storm_aim *aim)
{
	put32(p, aim->at->qkey);
	put32(p, storm_random() & 0xffffff);
}

/* A request that only reliable connections have, and that would be right. */
static void right_request(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t codes[] = { READ_REQUEST, COMPARE_SWAP, FETCH_ADD, FLUSH,
					 ATOMIC_WRITE };
	uint8_t code = codes[storm_below(sizeof(codes))];
	uint64_t addr = aim->open.addr + 8 * storm_below(aim->len / 16);

	own_bth(p, aim, code);
	switch (code) {
	case READ_REQUEST:
		reth(p, addr, aim->open.rkey, some_length());
		break;
	case FLUSH:
		put32(p, GLOBALLY_VISIBLE | (storm_below(2) ? WHOLE_REGION : 0));
		reth(p, addr, aim->open.rkey, some_length());
		break;
	case ATOMIC_WRITE:
		reth(p, addr, aim->open.rkey, 8);
		random_bytes(p, 8);
		break;
	default:
		put64(p, addr);
		put32(p, aim->open.rkey);
		random_bytes(p, 16);
	}
}

/* A message that would be right, of one packet. */
static void right(struct storm_packet *p, const struct storm_aim *aim)
{
	unsigned int len = some_length();

	if (aim->at->transport == RC >> 5 && storm_below(2)) {
		right_request(p, aim);
		len = 0;
	} else if (aim->at->transport == UD >> 5) {
		own_bth(p, aim, SEND_ONLY);
		put_deth(p, aim);
	} else if (storm_below(2)) {
		own_bth(p, aim, WRITE_ONLY);
		reth(p, aim->open.addr, aim->open.rkey, len);
	} else {
		own_bth(p, aim, SEND_ONLY);
	}
	random_bytes(p, len);
	icrc(p);
	aim->at->psn++;
}

static void cut_short(struct storm_packet *p)
{
	p->len = storm_below(16);
}

static void odd_length(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	put(p, 1 + storm_below(3));
}

static void bad_pad(struct storm_packet *p, const struct storm_aim *aim)
{
	own_bth(p, aim, aim->at->transport == UD >> 5 ? SEND_ONLY : SEND_LAST);
	if (aim->at->transport == UD >> 5)
		put_deth(p, aim);
	p->body[1] |= (1 + storm_below(3)) << 4;	/* and nothing to pad */
	icrc(p);
}

static void some_pad(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	p->body[1] |= storm_below(4) << 4;
	p->body[0] = (p->body[0] & 0xe0) | storm_below(8);
}

/* But for what makes a packet no packet, and what the ICRC leaves out. */
static void one_bit(struct storm_packet *p)
{
	p->body[5 + storm_below(p->len - 5)] ^= 1 << storm_below(8);
}

static void bad_icrc(struct storm_packet *p)
{
	p->body[p->len - 1 - storm_below(4)] ^= 1 + storm_below(255);
}

static void unknown_opcode(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t codes[] = {
		0x15, 0x18, 0x1b, 0x1e, 0x1f, 0x2c, 0x36, 0x3c, 0x3d, 0x3f, 0x40,
		0x55, 0x5c, 0x60, 0x66, 0x7c, 0x7d, 0x7f, 0x80, 0xa0, 0xc0, 0xff,
	};

	right(p, aim);
	p->body[0] = codes[storm_below(sizeof(codes))];
}

static void version(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	p->body[1] |= 1 + storm_below(15);
}

static void other_transport(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t transports[] = { RC, UC, UD };

	right(p, aim);
	p->body[0] = transports[storm_below(3)] | (p->body[0] & 0x1f);
	if (!storm_below(8)) {
		memset(p->body + 5, 0, 2);
		p->body[7] = 1;
	}
}

static void any_psn(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	p->body[9] = storm_random();
	p->body[10] = storm_random();
	p->body[11] = storm_random();
}

static void far_psn(struct storm_packet *p, const struct storm_aim *aim)
{
	uint32_t psn = aim->at->psn + 0x800000 - 8 + storm_below(16);

	right(p, aim);
	p->body[9] = psn >> 16;
	p->body[10] = psn >> 8;
	p->body[11] = psn;
}

static void oversize_write(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t codes[] = { WRITE_FIRST, WRITE_ONLY, WRITE_ONLY_IMM };
	static const uint32_t lengths[] = { 0x80000000, 0x80000001, 0xffffffff,
					    0x7fffffff, 1 << 20 };
	uint8_t code = codes[storm_below(3)];

	own_bth(p, aim, code);
	reth(p, aim->open.addr, aim->open.rkey, lengths[storm_below(5)]);
	if (code == WRITE_ONLY_IMM)
		put32(p, 0);
	random_bytes(p, code == WRITE_FIRST ? 256 : some_length());
	icrc(p);
}

static void odd_read(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint32_t lengths[] = { 0, 0x80000000, 0x80000001, 0xffffffff,
					    0x7fffffff };

	own_bth(p, aim, READ_REQUEST);
	reth(p, aim->open.addr + storm_below(aim->len), aim->open.rkey,
	     lengths[storm_below(5)]);
	icrc(p);
}

static struct storm_memory others(const struct storm_aim *aim)
{
	struct storm_memory m = aim->foreign;

	switch (storm_below(4)) {
	case 0:
		m.rkey = storm_random();
		break;
	case 1:
		m = aim->open;
		m.addr += aim->len - storm_below(4);	/* across its end */
		break;
	case 2:
		m.rkey ^= 1 + storm_below(255);
		break;
	}
	return m;
}

static void others_write(struct storm_packet *p, const struct storm_aim *aim)
{
	struct storm_memory m = storm_below(3) ? others(aim) : aim->readonly;
	unsigned int len = some_length() + 4;

	own_bth(p, aim, WRITE_ONLY);
	reth(p, m.addr, m.rkey, len);
	random_bytes(p, len);
	icrc(p);
}

static void others_read(struct storm_packet *p, const struct storm_aim *aim)
{
	struct storm_memory m = others(aim);

	own_bth(p, aim, READ_REQUEST);
	reth(p, m.addr, m.rkey, 4 + storm_below(4096));
	icrc(p);
}

static void odd_atomic(struct storm_packet *p, const struct storm_aim *aim)
{
	struct storm_memory m = storm_below(2) ? others(aim) : aim->readonly;

	if (storm_below(2)) {
		m = aim->open;
		m.addr += 1 + storm_below(7);
	}
	own_bth(p, aim, storm_below(2) ? COMPARE_SWAP : FETCH_ADD);
	put64(p, m.addr);
	put32(p, m.rkey);
	put64(p, storm_random());
	put64(p, storm_random());
	if (!storm_below(8))
		random_bytes(p, 4);
	icrc(p);
}

/* Of anything, to anywhere, at any alignment. */
static void flush(struct storm_packet *p, const struct storm_aim *aim)
{
	struct storm_memory m = storm_below(2) ? others(aim) : aim->open;

	own_bth(p, aim, FLUSH);
	put32(p, storm_below(2) ? storm_below(64) : (uint32_t)storm_random());
	reth(p, m.addr, m.rkey, storm_below(2) ? storm_below(FLUSH_LEN) :
	     (uint32_t)storm_random());
	if (!storm_below(8))
		random_bytes(p, 4);
	icrc(p);
}

static void atomic_write(struct storm_packet *p, const struct storm_aim *aim)
{
	struct storm_memory m = storm_below(2) ? others(aim) : aim->readonly;

	if (storm_below(2)) {
		m = aim->open;
		m.addr += storm_below(8);
	}
	own_bth(p, aim, ATOMIC_WRITE);
	reth(p, m.addr, m.rkey, storm_below(2) ? 8 : storm_below(16));
	random_bytes(p, storm_below(4) ? 8 : some_length());
	icrc(p);
}

/* As it should be; nobody has asked for it. */
static void congestion(struct storm_packet *p, const struct storm_aim *aim)
{
	bth(p, CNP, aim->at->qpn, storm_random());
	random_bytes(p, CNP_LEN);
	icrc(p);
}

static void odd_congestion(struct storm_packet *p, const struct storm_aim *aim)
{
	unsigned int len = some_length();

	bth(p, CNP, aim->at->qpn, storm_random());
	random_bytes(p, len == CNP_LEN ? 0 : len);
	icrc(p);
}

static void out_of_order(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t codes[] = { SEND_MIDDLE, SEND_LAST, WRITE_MIDDLE, 0x08,
					 0x03, 0x09, SEND_FIRST, WRITE_FIRST };
	uint8_t code = codes[storm_below(8)];

	own_bth(p, aim, code);
	if (code == WRITE_FIRST)
		reth(p, aim->open.addr, aim->open.rkey, 512 + storm_below(512));
	if (code == 0x03 || code == 0x09)
		put32(p, storm_random());
	random_bytes(p, storm_below(2) ? 256 : some_length());
	icrc(p);
	if (code == SEND_FIRST || code == WRITE_FIRST)
		aim->at->psn++;
}

static void wrong_key_datagram(struct storm_packet *p, const struct storm_aim *aim)
{
	bth(p, UD | SEND_ONLY | storm_below(2), aim->at->qpn, aim->at->psn);
	put32(p, storm_random());
	put32(p, storm_random());
	random_bytes(p, some_length());
	icrc(p);
}

/* About requests of the target's own: some that are out, some that never were. */
static void response(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t codes[] = { READ_FIRST, READ_MIDDLE, READ_LAST, READ_ONLY,
					 ACK, ACK, ACK, ATOMIC_ACK };
	/* acknowledgments, RNR NAKs, NAKs: that there are, and not */
	static const uint8_t syndromes[] = { 0x00, 0x1f, 0x20, 0x3f, 0x60, 0x61, 0x62,
					     0x63, 0x64, 0x65, 0x80, 0x40 };
	uint8_t code = codes[storm_below(8)];

	bth(p, RC | code, aim->at->qpn, aim->at->sq_psn + storm_below(6) - 2);
	if (code != READ_MIDDLE)
		put32(p, (uint32_t)syndromes[storm_below(sizeof(syndromes))] << 24 |
		      storm_below(1 << 24));
	if (code == ATOMIC_ACK)
		put64(p, storm_random());
	if (code < ACK)
		random_bytes(p, storm_below(2) ? 256 : some_length());
	icrc(p);
}

/* The header of a MAD is likely, or not; the rest is anything. */
static void mad(struct storm_packet *p, const struct storm_aim *aim)
{
	static const uint8_t classes[] = { 0x03, 0x04, 0x06, 0x07, 0x09, 0x01, 0x81 };
	static const uint8_t methods[] = { 0x01, 0x02, 0x03, 0x05, 0x81, 0x12, 0x92 };
	uint8_t *at;

	(void)aim;
	bth(p, UD | SEND_ONLY, 1, storm_random());
	put32(p, storm_below(8) ? GSI_QKEY : (uint32_t)storm_random());
	put32(p, storm_below(2) ? 1 : storm_random() & 0xffffff);
	at = p->body + p->len;
	random_bytes(p, storm_below(8) ? 256 : some_length());
	if (p->body + p->len - at >= 24 && storm_below(8)) {
		at[0] = 1;
		at[1] = classes[storm_below(sizeof(classes))];
		at[2] = at[1] == 7 || at[1] == 3 ? 2 : 1;
		at[3] = methods[storm_below(sizeof(methods))];
		at[16] = 0;
		at[17] = storm_below(0x20);
	}
	icrc(p);
}

static void nobody(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	p->body[5] = 0xab;	/* numbers are handed out from below */
	p->body[6] = storm_random();
	p->body[7] = storm_random();
}

static void multicast(struct storm_packet *p, const struct storm_aim *aim)
{
	right(p, aim);
	memset(p->body + 5, 0xff, 3);
}

/* Any bytes with the right ICRC. */
static void anything(struct storm_packet *p, const struct storm_aim *aim)
{
	p->len = 0;
	random_bytes(p, 12 + some_length());
	if (storm_below(4)) {
		p->body[1] &= 0xf0;
		p->body[2] = 0xff;
		p->body[3] = 0xff;
		p->body[5] = aim->at->qpn >> 16;
		p->body[6] = aim->at->qpn >> 8;
		p->body[7] = aim->at->qpn;
	}
	icrc(p);
}

#define KIND(n, f, m, ...) { .name = n, .fate = STORM_##f, .make = m, ##__VA_ARGS__ }

const struct storm_kind storm_kinds[] = {
	KIND("right", ANY, right, .moves = true),
	KIND("short", MALFORMED, right, .spoil = cut_short),
	KIND("length no multiple of four", MALFORMED, odd_length),
	KIND("pad of nothing", MALFORMED, bad_pad),
	KIND("pad of something", ANY, some_pad),
	KIND("bad ICRC", ICRC, right, .spoil = bad_icrc),
	KIND("one bit", ICRC, right, .spoil = one_bit),
	KIND("unknown opcode", MALFORMED, unknown_opcode),
	KIND("header version", MALFORMED, version),
	KIND("another transport", ANY, other_transport),
	KIND("any PSN", ANY, any_psn),
	KIND("PSN at the end of the window", ANY, far_psn),
	KIND("write longer than it may be", ANY, oversize_write),
	KIND("read of nothing, or of 2 GiB", ANY, odd_read),
	KIND("write to what is others'", ANY, others_write),
	KIND("read of what is others'", ANY, others_read),
	KIND("atomic misaligned, or without right", ANY, odd_atomic),
	KIND("flush", ANY, flush),
	KIND("atomic write", ANY, atomic_write),
	KIND("congestion notification", CONGESTION, congestion),
	KIND("congestion notification of another length", MALFORMED, odd_congestion),
	KIND("opcodes out of order", ANY, out_of_order, .moves = true),
	KIND("datagram with any Q_Key", ANY, wrong_key_datagram),
	KIND("response to nothing", ANY, response),
	KIND("MAD", ANY, mad),
	KIND("nobody's", UNKNOWN, nobody),
	KIND("multicast without a group", ANY, multicast),
	KIND("any bytes", ANY, anything),
};

const unsigned int storm_nr_kinds = sizeof(storm_kinds) / sizeof(storm_kinds[0]);
