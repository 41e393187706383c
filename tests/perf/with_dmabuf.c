// SPDX-License-Identifier: GPL-2.0
/*
 * usage: with_dmabuf KIND SIZE FD [--expect BYTE COUNT] COMMAND...
 *
 * Runs the command with a dma-buf open as file descriptor FD. Afterwards, with
 * --expect, the dma-buf has to hold COUNT bytes of the value BYTE in a row: what the
 * command, and its peer, have put there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmabuf/dmabuf.h"

static int run(char **argv, int fd, int number)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (dup2(fd, number) < 0)
			_exit(126);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static size_t longest_run(const unsigned char *p, size_t size, unsigned char byte)
{
	size_t i, run = 0, best = 0;

	for (i = 0; i < size; i++) {
		run = p[i] == byte ? run + 1 : 0;
		best = run > best ? run : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	struct dmabuf_source *source;
	size_t want = 0, found;
	struct dmabuf_buf buf;
	unsigned char byte = 0;
	int command = 4, ret;

	if (argc > 7 && !strcmp(argv[4], "--expect")) {
		byte = (unsigned char)strtoul(argv[5], NULL, 0);
		want = strtoul(argv[6], NULL, 0);
		command = 7;
	}
	if (argc <= command) {
		fprintf(stderr, "usage: %s KIND SIZE FD [--expect BYTE COUNT] COMMAND...\n",
			argv[0]);
		return 2;
	}
	source = dmabuf_open(argv[1]);
	if (!source || dmabuf_alloc(source, strtoul(argv[2], NULL, 0), &buf) ||
	    dmabuf_map(source, &buf))
		return 1;
	ret = run(argv + command, buf.fd, atoi(argv[3]));
	found = longest_run(buf.addr, buf.size, byte);
	if (!ret && want && found < want) {
		fprintf(stderr, "%zu bytes of %#x in a row, not %zu\n", found, byte, want);
		ret = 1;
	}
	dmabuf_free(source, &buf);
	dmabuf_close(source);
	return ret;
}
