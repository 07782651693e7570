// SPDX-License-Identifier: GPL-2.0
/*
 * leakgen: loses kernel memory on request, for tests. Not for a machine that anybody needs.
 *
 *	echo 'leak KIND COUNT' > /sys/kernel/debug/leakgen/ctl	so many objects, now
 *	echo 'start KIND RATE' > ...				so many objects a second
 *	echo 'stop KIND|all' > ...				no more of them
 *	echo 'free KIND|all' > ...				give back what was lost
 *	cat /sys/kernel/debug/leakgen/status			kind, objects a second, objects, bytes, failures
 *
 * KIND: kmallocSIZE (kmalloc64, kmalloc32k: any size), cache (a slab cache that merges with its twin), nomerge (one
 * that does not), vmalloc, pages, percpu, skb (on a queue that nobody reads).
 *
 * Each lost object holds the inverted address of the one before it, so that leakgen can free them all while kmemleak,
 * which looks for addresses, finds none. Only the queue of skbs is one that it can follow.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

static unsigned int vmalloc_bytes = 64 << 10;
module_param(vmalloc_bytes, uint, 0444);
MODULE_PARM_DESC(vmalloc_bytes, "bytes of each object of kind vmalloc");

static unsigned int percpu_bytes = 256;
module_param(percpu_bytes, uint, 0444);
MODULE_PARM_DESC(percpu_bytes, "bytes a processor of each object of kind percpu");

static unsigned int max_mib = 256;
module_param(max_mib, uint, 0644);
MODULE_PARM_DESC(max_mib, "MiB that one kind may lose");

#define CACHE_BYTES	320
#define NOMERGE_BYTES	360
#define SKB_BYTES	1024
#define BEATS		10	/* a second */
#define FLAGS		(GFP_KERNEL | __GFP_NOWARN)

struct kind {
	char name[16];
	void *(*alloc)(struct kind *kind);
	void (*free)(struct kind *kind, void *object);
	size_t size;

	struct mutex lock;	/* of all that follows */
	unsigned long last;	/* ~address of the newest object; ~0 is none */
	unsigned long objects, failures, rate, due;
	struct delayed_work beat;
};

static struct kmem_cache *cache, *twin, *nomerge;
static struct sk_buff_head queue;

/* One function for each way to allocate, not inlined: its name is what "who allocates this?" has to find. */

static noinline void *leakgen_kmalloc(struct kind *kind)
{
	return kmalloc(kind->size, FLAGS);
}

/* kfree() takes the objects of every cache since 6.4. */
static void leakgen_kfree(struct kind *kind, void *object)
{
	kfree(object);
}

static noinline void *leakgen_cache_alloc(struct kind *kind)
{
	return kmem_cache_alloc(cache, FLAGS);
}

static noinline void *leakgen_nomerge_alloc(struct kind *kind)
{
	return kmem_cache_alloc(nomerge, FLAGS);
}

static noinline void *leakgen_vmalloc(struct kind *kind)
{
	return vmalloc(kind->size);
}

static void leakgen_vfree(struct kind *kind, void *object)
{
	vfree(object);
}

static noinline void *leakgen_get_page(struct kind *kind)
{
	return (void *)__get_free_page(FLAGS);
}

static void leakgen_free_page(struct kind *kind, void *object)
{
	free_page((unsigned long)object);
}

static noinline void *leakgen_alloc_percpu(struct kind *kind)
{
	return (__force void *)__alloc_percpu(percpu_bytes, sizeof(long));
}

static void leakgen_free_percpu(struct kind *kind, void *object)
{
	free_percpu((void __percpu __force *)object);
}

static noinline void *leakgen_alloc_skb(struct kind *kind)
{
	struct sk_buff *skb = alloc_skb(SKB_BYTES, FLAGS);

	if (skb)
		skb_queue_tail(&queue, skb);
	return skb;
}

static void leakgen_free_skb(struct kind *kind, void *object)
{
	skb_queue_purge(&queue);
}

#define KMALLOCS 6	/* sizes at a time */
static struct kind kinds[KMALLOCS + 6] = {
	[KMALLOCS] =
	{ .name = "cache", .alloc = leakgen_cache_alloc, .free = leakgen_kfree, .size = CACHE_BYTES },
	{ .name = "nomerge", .alloc = leakgen_nomerge_alloc, .free = leakgen_kfree, .size = NOMERGE_BYTES },
	{ .name = "vmalloc", .alloc = leakgen_vmalloc, .free = leakgen_vfree },
	{ .name = "pages", .alloc = leakgen_get_page, .free = leakgen_free_page, .size = PAGE_SIZE },
	{ .name = "percpu", .alloc = leakgen_alloc_percpu, .free = leakgen_free_percpu },
	{ .name = "skb", .alloc = leakgen_alloc_skb, .free = leakgen_free_skb, .size = SKB_TRUESIZE(SKB_BYTES) },
};

/* Where an object keeps the one before it. */
static unsigned long *link_of(struct kind *kind, void *object)
{
	if (kind->alloc == leakgen_alloc_percpu)
		return per_cpu_ptr((unsigned long __percpu __force *)object, cpumask_first(cpu_possible_mask));
	return object;
}

static void lose(struct kind *kind, unsigned long count)
{
	while (count-- && (kind->objects + 1) * kind->size <= (size_t)max_mib << 20) {
		void *object = kind->alloc(kind);

		if (!object) {
			kind->failures++;
			return;
		}
		if (kind->alloc != leakgen_alloc_skb) {
			/* What an earlier owner left in it could be an address that hides a leak. */
			if (kind->alloc != leakgen_alloc_percpu)
				memset(object, 0, kind->size);
			*link_of(kind, object) = kind->last;
			kind->last = ~(unsigned long)object;
		}
		kind->objects++;
		cond_resched();
	}
}

static void give_back(struct kind *kind)
{
	mutex_lock(&kind->lock);
	if (kind->alloc == leakgen_alloc_skb)
		kind->free(kind, NULL);
	while (kind->last != ~0UL) {
		void *object = (void *)~kind->last;

		kind->last = *link_of(kind, object);
		kind->free(kind, object);
		cond_resched();
	}
	kind->objects = 0;
	mutex_unlock(&kind->lock);
}

static void beat(struct work_struct *work)
{
	struct kind *kind = container_of(to_delayed_work(work), struct kind, beat);

	mutex_lock(&kind->lock);
	kind->due += kind->rate;
	lose(kind, kind->due / BEATS);
	kind->due %= BEATS;
	if (kind->rate)
		schedule_delayed_work(&kind->beat, HZ / BEATS);
	mutex_unlock(&kind->lock);
}

static void stop(struct kind *kind)
{
	mutex_lock(&kind->lock);
	kind->rate = 0;
	mutex_unlock(&kind->lock);
	cancel_delayed_work_sync(&kind->beat);
}

static struct kind *kind_of(const char *name)
{
	struct kind *kind;
	char *unit;
	size_t size;

	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		if (!strcmp(kind->name, name))
			return kind;
	if (strncmp(name, "kmalloc", 7))
		return NULL;
	size = memparse(name + 7, &unit);	/* "64", "32k" */
	if (*unit || size < sizeof(long) || size > KMALLOC_MAX_SIZE)
		return NULL;
	for (kind = kinds; kind < kinds + KMALLOCS; kind++)
		if (!kind->name[0]) {
			kind->size = size;
			strscpy(kind->name, name, sizeof(kind->name));
			return kind;
		}
	return NULL;
}

static int obey(char *command)
{
	char verb[8] = "", name[16] = "";
	unsigned long number = 0;
	int words = sscanf(command, "%7s %15s %lu", verb, name, &number);
	bool is_stop = !strcmp(verb, "stop"), is_free = !strcmp(verb, "free");
	struct kind *kind;

	if (words == 2 && (is_stop || is_free)) {
		for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
			if (kind->alloc && (!strcmp(name, "all") || !strcmp(name, kind->name)))
				(is_stop ? stop : give_back)(kind);
		return 0;
	}
	kind = words == 3 ? kind_of(name) : NULL;
	if (!kind)
		return -EINVAL;
	mutex_lock(&kind->lock);
	if (!strcmp(verb, "leak")) {
		lose(kind, number);
	} else if (!strcmp(verb, "start")) {
		kind->rate = number;
		mod_delayed_work(system_wq, &kind->beat, HZ / BEATS);
	} else {
		words = -EINVAL;
	}
	mutex_unlock(&kind->lock);
	return min(words, 0);
}

static DEFINE_MUTEX(commands);

static ssize_t ctl_write(struct file *file, const char __user *from, size_t length, loff_t *position)
{
	char command[48] = "";
	int error;

	if (length >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, length))
		return -EFAULT;
	mutex_lock(&commands);
	error = obey(command);
	mutex_unlock(&commands);
	return error ?: length;
}

static const struct file_operations ctl_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = ctl_write,
};

static int status_show(struct seq_file *file, void *unused)
{
	struct kind *kind;

	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		if (kind->name[0])
			seq_printf(file, "%s %lu %lu %zu %lu\n", kind->name, kind->rate, kind->objects,
				   kind->objects * kind->size, kind->failures);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

/* A constructor keeps a cache from merging, on every kernel. */
static void construct(void *object)
{
}

static struct dentry *directory;

static int __init leakgen_init(void)
{
	struct kind *kind;

	cache = kmem_cache_create("leakgen_cache", CACHE_BYTES, 0, SLAB_PANIC, NULL);
	twin = kmem_cache_create("leakgen_twin", CACHE_BYTES, 0, SLAB_PANIC, NULL);
	nomerge = kmem_cache_create("leakgen_nomerge", NOMERGE_BYTES, 0, SLAB_PANIC, construct);
	skb_queue_head_init(&queue);
	percpu_bytes = clamp(percpu_bytes, (unsigned int)sizeof(long), 32U << 10);
	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		mutex_init(&kind->lock);
		INIT_DELAYED_WORK(&kind->beat, beat);
		kind->last = ~0UL;
		if (kind < kinds + KMALLOCS) {
			kind->alloc = leakgen_kmalloc;
			kind->free = leakgen_kfree;
		} else if (kind->alloc == leakgen_vmalloc) {
			kind->size = PAGE_ALIGN(max(vmalloc_bytes, 1U));
		} else if (kind->alloc == leakgen_alloc_percpu) {
			kind->size = (size_t)percpu_bytes * num_possible_cpus();
		}
	}
	directory = debugfs_create_dir("leakgen", NULL);
	debugfs_create_file("ctl", 0200, directory, NULL, &ctl_fops);
	debugfs_create_file("status", 0400, directory, NULL, &status_fops);
	return 0;
}

static void __exit leakgen_exit(void)
{
	char all_stop[] = "stop all", all_free[] = "free all";

	debugfs_remove(directory);
	obey(all_stop);
	obey(all_free);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(twin);
	kmem_cache_destroy(nomerge);
}

module_init(leakgen_init);
module_exit(leakgen_exit);
MODULE_DESCRIPTION("Loses kernel memory on request");
MODULE_LICENSE("GPL");
