/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies to and from I/O memory, eight bytes at a time.
 *
 * memcpy_toio() and memcpy_fromio() may go by four bytes or by one. Every access
 * to uncached memory costs the same, however wide, and emulators execute the
 * string instruction behind them slowly: 64-bit accessors are two to three
 * times as fast, as fast as memcpy() where the I/O memory is RAM in truth.
 */
#ifndef PRXE_IO_COPY_H
#define PRXE_IO_COPY_H

#include <linux/types.h>

void prxe_io_write(void __iomem *dst, const void *src, size_t len);
void prxe_io_read(void *dst, const void __iomem *src, size_t len);
void prxe_io_copy(void __iomem *dst, const void __iomem *src, size_t len);

#endif /* PRXE_IO_COPY_H */
