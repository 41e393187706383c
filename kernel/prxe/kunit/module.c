// SPDX-License-Identifier: GPL-2.0-only
/* The module of the KUnit tests; each file of this directory has its suites. */
#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of prxe");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
