// SPDX-License-Identifier: GPL-2.0
/* Frames: headers, checksums, ICRC; and the raw socket that they leave by. */
#define _GNU_SOURCE
#include "storm.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../verbs/pair.h"

#define ROCE_PORT	4791
#define BATCH		64

static uint32_t table[256];

static uint32_t crc32(uint32_t crc, const uint8_t *p, size_t len)
{
	unsigned int i, k;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			uint32_t c = i;

			for (k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
			table[i] = c;
		}
	}
	while (len--)
		crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
	return crc;
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static uint16_t ip_checksum(const uint8_t *p)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < 20; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The headers of a packet whose body is @len long. Return: their length. */
static unsigned int headers(const struct storm_wire *w, uint8_t *to, unsigned int len)
{
	uint8_t *ip = to + 14, *udp = to + w->hdr_len - 8;

	memcpy(to, w->hdr, w->hdr_len);
	put16(udp + 4, 8 + len);
	if (w->v6) {
		put16(ip + 4, 8 + len);
	} else {
		put16(ip + 2, 28 + len);
		put16(ip + 10, 0);
		put16(ip + 10, ip_checksum(ip));
	}
	return w->hdr_len;
}

void storm_icrc(const struct storm_wire *w, struct storm_packet *p)
{
	uint8_t h[8 + 40 + 8 + 12], frame[sizeof(w->hdr)], *ip = h + 8;
	unsigned int ip_len = w->v6 ? 40 : 20;
	uint8_t *udp = ip + ip_len, *bth = udp + 8;
	uint32_t crc;

	headers(w, frame, p->len);
	memset(h, 0xff, 8);
	memcpy(ip, frame + 14, ip_len + 8);
	memcpy(bth, p->body, 12);
	if (w->v6) {
		ip[0] |= 0x0f;
		memset(ip + 1, 0xff, 3);
		ip[7] = 0xff;
	} else {
		ip[1] = 0xff;
		ip[8] = 0xff;
		memset(ip + 10, 0xff, 2);
	}
	memset(udp + 6, 0xff, 2);
	bth[4] = 0xff;
	crc = crc32(~0u, h, 8 + ip_len + 8 + 12);
	crc = ~crc32(crc, p->body + 12, p->len - 16);
	p->body[p->len - 4] = crc;
	p->body[p->len - 3] = crc >> 8;
	p->body[p->len - 2] = crc >> 16;
	p->body[p->len - 1] = crc >> 24;
}

void storm_send(const struct storm_wire *w, const struct storm_packet *p, unsigned int n)
{
	static uint8_t frames[BATCH][sizeof(w->hdr) + STORM_BODY + 16];
	struct mmsghdr msgs[BATCH] = {};
	struct iovec iov[BATCH];
	unsigned int i, done = 0;
	int ret;

	CHECK(n <= BATCH, "%u", n);
	for (i = 0; i < n; i++) {
		unsigned int hdr = headers(w, frames[i], p[i].len);

		memcpy(frames[i] + hdr, p[i].body, p[i].len);
		iov[i] = (struct iovec) { frames[i], hdr + p[i].len };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < n) {
		ret = sendmmsg(w->sock, msgs + done, n - done, 0);
		CHECK(ret > 0, "sendmmsg: %m");
		done += (unsigned int)ret;
	}
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0, "%s: %m", path);
	CHECK(!setns(fd, CLONE_NEWNET), "setns %s: %m", path);
	close(fd);
}

static void enter_host(const char *host)
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", host);
	enter(path);
}

static void mac_of(const char *dev, uint8_t *mac)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = {};

	CHECK(sock >= 0, "socket");
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", dev);
	CHECK(!ioctl(sock, SIOCGIFHWADDR, &req), "%s: %m", dev);
	memcpy(mac, req.ifr_hwaddr.sa_data, 6);
	close(sock);
}

static void fill_headers(struct storm_wire *w)
{
	uint8_t *ip = w->hdr + 14, *udp;

	put16(w->hdr + 12, w->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	if (w->v6) {
		ip[0] = 0x60;
		ip[6] = 17;
		ip[7] = 64;
		inet_pton(AF_INET6, "fd77::1", ip + 8);
		inet_pton(AF_INET6, "fd77::2", ip + 24);
		w->hdr_len = 14 + 40 + 8;
	} else {
		ip[0] = 0x45;
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 17;
		inet_pton(AF_INET, "10.77.0.1", ip + 12);
		inet_pton(AF_INET, "10.77.0.2", ip + 16);
		w->hdr_len = 14 + 20 + 8;
	}
	udp = w->hdr + w->hdr_len - 8;
	put16(udp, 0xc123);
	put16(udp + 2, ROCE_PORT);
}

void storm_open(struct storm_wire *w, bool v6, const char *from, const char *from_dev,
		const char *to, const char *to_dev)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	char own[64];
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	CHECK(home >= 0, "namespace");
	w->v6 = v6;
	fill_headers(w);
	enter_host(to);
	mac_of(to_dev, w->hdr);
	enter_host(from);
	mac_of(from_dev, w->hdr + 6);
	w->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	CHECK(w->sock >= 0, "packet socket: %m");
	addr.sll_ifindex = (int)if_nametoindex(from_dev);
	CHECK(!bind(w->sock, (struct sockaddr *)&addr, sizeof(addr)), "bind: %m");
	snprintf(own, sizeof(own), "/proc/self/fd/%d", home);
	enter(own);
	close(home);
}
