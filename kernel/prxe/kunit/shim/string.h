/* SPDX-License-Identifier: GPL-2.0-only */
/* For ../unit.c, which has what the tests use of <string.h>. */
