// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel user of RDMA devices, of prxe or any other kind, for tests.
 *
 *	echo "CASE DEVICE DEVICE" >/sys/kernel/debug/prxe_kverbs/run
 *
 * runs a case between two devices, or one and itself, in the caller's context; the
 * write fails when the case did. Why is told in the file log, and cases lists
 * what there is.
 */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kverbs.h"

#define LOG_BYTES	4096

struct kv_device {
	struct list_head node;
	struct ib_device *dev;
};

/* Held for all of a run, so that devices stay until it is over. */
static DEFINE_MUTEX(kv_mutex);
static LIST_HEAD(kv_devices);		/* kv_mutex */
static char kv_text[LOG_BYTES];		/* kv_mutex */
static size_t kv_text_len;		/* kv_mutex */
static struct dentry *kv_dir;

static const struct kv_case *const kv_tables[] = {
	kv_reg_cases, kv_access_cases, kv_queue_cases, kv_object_cases,
};

void kv_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	kv_text_len += vscnprintf(kv_text + kv_text_len,
				  LOG_BYTES - kv_text_len, fmt, args);
	va_end(args);
}

static const struct kv_case *kv_find_case(const char *name)
{
	const struct kv_case *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(kv_tables); i++)
		for (c = kv_tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static struct ib_device *kv_find_device(const char *name)
{
	struct kv_device *d;

	list_for_each_entry(d, &kv_devices, node)
		if (!strcmp(dev_name(&d->dev->dev), name))
			return d->dev;
	return NULL;
}

static int kv_run(const char *name, const char *a, const char *b)
{
	const struct kv_case *c = kv_find_case(name);
	struct ib_device *adev, *bdev;
	struct kv_pair *p;
	int err;

	if (!c)
		return -ENOENT;
	guard(mutex)(&kv_mutex);
	kv_text_len = 0;
	kv_text[0] = '\0';
	adev = kv_find_device(a);
	bdev = kv_find_device(b);
	if (!adev || !bdev)
		return -ENODEV;
	p = kzalloc_obj(*p);
	if (!p)
		return -ENOMEM;
	err = kv_pair_open(p, adev, bdev, c->srq);
	if (!err)
		err = c->run(p);
	kv_pair_close(p);
	kfree(p);
	return err;
}

static ssize_t kv_run_write(struct file *file, const char __user *user,
			    size_t len, loff_t *pos)
{
	char name[32], a[32], b[32], line[100];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, user, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%31s %31s %31s", name, a, b) != 3)
		return -EINVAL;
	err = kv_run(name, a, b);
	return err ?: len;
}

static const struct file_operations kv_run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = kv_run_write,
};

static int kv_log_show(struct seq_file *m, void *unused)
{
	guard(mutex)(&kv_mutex);
	seq_puts(m, kv_text);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(kv_log);

static int kv_cases_show(struct seq_file *m, void *unused)
{
	const struct kv_case *c;
	int i;

	for (i = 0; i < ARRAY_SIZE(kv_tables); i++)
		for (c = kv_tables[i]; c->name; c++)
			seq_printf(m, "%s\n", c->name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(kv_cases);

static int kv_add_device(struct ib_device *dev)
{
	struct kv_device *d = kzalloc_obj(*d);

	if (!d)
		return -ENOMEM;
	d->dev = dev;
	guard(mutex)(&kv_mutex);
	list_add(&d->node, &kv_devices);
	return 0;
}

static void kv_remove_device(struct ib_device *dev, void *data)
{
	struct kv_device *d, *tmp;

	guard(mutex)(&kv_mutex);
	list_for_each_entry_safe(d, tmp, &kv_devices, node) {
		if (d->dev != dev)
			continue;
		list_del(&d->node);
		kfree(d);
	}
}

static struct ib_client kv_client = {
	.name = "prxe_kverbs",
	.add = kv_add_device,
	.remove = kv_remove_device,
};

static int __init kv_init(void)
{
	int err = ib_register_client(&kv_client);

	if (err)
		return err;
	kv_dir = debugfs_create_dir("prxe_kverbs", NULL);
	debugfs_create_file("run", 0200, kv_dir, NULL, &kv_run_fops);
	debugfs_create_file("log", 0400, kv_dir, NULL, &kv_log_fops);
	debugfs_create_file("cases", 0400, kv_dir, NULL, &kv_cases_fops);
	return 0;
}
module_init(kv_init);

static void __exit kv_exit(void)
{
	debugfs_remove(kv_dir);
	ib_unregister_client(&kv_client);
}
module_exit(kv_exit);

MODULE_DESCRIPTION("a kernel user of RDMA devices, for tests");
MODULE_LICENSE("GPL");
