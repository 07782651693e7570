"""What common slab caches are for, and what their growth usually means."""

from __future__ import annotations

import re
from typing import NamedTuple


class KnownCache(NamedTuple):
    """A line of the table."""

    subsystem: str
    meaning: str


_TABLE: tuple[tuple[str, str, str], ...] = (
    (r"kmalloc-cg-|kmalloc-cg", "kmalloc, charged to a cgroup", "objects that user space asked for: pipes, messages, descriptor tables, BPF"),
    (r"kmalloc-rcl-", "reclaimable kmalloc", "long file names, mostly: follows dentry"),
    (r"kmalloc-(rnd|part)-\d", "kmalloc, split by call site", "one partition that grows alone is one call site"),
    (r"kmalloc-no-objext", "allocation profiling", "the profiler's own cost"),
    (r"dma-kmalloc|kmalloc-dma|.*\(DMA\)$", "kmalloc below 16 MB", "old drivers that need ISA DMA"),
    (r"kmalloc-|size-\d", "kmalloc", "anything at all: the size is the only hint; allocinfo, alloc_traces or kmemleak name the caller"),
    (r"msg_msg|memdup_user", "copies from user space", "unread message queues, arguments of ioctls"),
    (r"kmem_cache(_node)?$", "the slab allocator", "many caches: network namespaces, modules loaded again and again"),
    (r"dentry", "file name cache", "look-ups of names, also of ones that do not exist; with many in use, a lost dput"),
    (r"(proc|sock|shmem|debugfs|tracefs)?_?inode_cache$", "inodes", "open sockets, files in /proc or in tmpfs; a descriptor leak where it cannot be reclaimed"),
    (r"(ext[234]|nfs|fuse|cifs|fat|ovl|btrfs|squashfs|isofs|udf|ceph|gfs2|ocfs2)_inode|xfs_inode|overlayfs", "file system inodes", "cached files, pinned ones where it does not shrink"),
    (r"buffer_head", "block cache", "metadata of cached blocks; shrinks with the page cache"),
    (r"radix_tree_node|xa_node", "page cache index", "large files, and shadows of evicted pages"),
    (r"ext4_|jbd2_", "ext4 and its journal", "large files, or a journal that cannot commit"),
    (r"xfs_", "XFS", "cached metadata, or a log that is stuck"),
    (r"btrfs_", "Btrfs", "extent maps and delayed references of busy files"),
    (r"zio_|arc_|dnode_t|dmu_|sa_cache|spl_|zfs_", "ZFS", "the ARC: large, and given back late, but no leak"),
    (r"nfsd|rpc_|nfs_", "NFS", "a server that hangs, or clients' state"),
    (r".*notify", "file notification", "watches that are never removed, or events that nobody reads"),
    (r"eventpoll|ep_head", "epoll", "descriptors that user space forgets to close"),
    (r"filp|files_cache|fs_cache|fasync", "open files", "a descriptor leak, or descriptors in flight over unix sockets"),
    (r"file_lock|file_lease", "file locks", "locks that NFS or Samba did not give back"),
    (r"names_cache", "path buffers", "transient; growth means system calls that hang"),
    (r"mnt_cache|nsproxy|.*_namespace", "namespaces", "containers that did not go away"),
    (r"task_struct|thread_stack|signal_cache|sighand_cache|task_|pid$|pid_", "tasks", "threads or zombies"),
    (r"cred_jar|key_jar", "credentials", "far more than tasks and files: a lost put_cred"),
    (r"mm_struct|vm_area_struct|anon_vma|maple_node|vma_lock|vm_region", "memory maps", "many processes or mappings"),
    (r"kmemleak_", "kmemleak", "the detector's own records: one for each allocation"),
    (r"kernfs_|sysfs_", "sysfs and cgroups", "devices or cgroups that come and do not go"),
    (r"avc_|avtab|ebitmap|selinux|hashtab_node", "SELinux", "reloaded policies"),
    (r"lsm_|ima_|iint_", "security modules", "follows inodes and files"),
    (r"skbuff|skb_", "network buffers", "queues that nobody reads, or a driver that loses packets"),
    (r"(TCP|UDP|RAW|PING|UNIX|MPTCP|SCTP|DCCP|UDP-Lite|UDPLITE|L2TP|PACKET|NETLINK|AF_VSOCK|TIPC|SMC)(v6)?(-STREAM)?$", "sockets", "a socket or descriptor leak"),
    (r"request_sock|tw_sock|tcp_bind|inet_peer", "connections", "a flood of connections, or orphans"),
    (r"fib6|ip_fib|ip_dst|ip6_dst|rt6|xfrm_|arp_cache|ndisc", "routing", "route exceptions, or references to devices that are not dropped"),
    (r"nf_conntrack|nft_|.*-frags", "netfilter", "the connection table"),
    (r"bridge_fdb|net_bridge|sw_flow|wg_", "virtual networks", "a flood of addresses or flows"),
    (r"bio-|biovec|bio_|blkdev|request_queue|bfq_|cfq_", "block I/O", "requests that do not complete"),
    (r"scsi_|sgpool|sd_", "SCSI", "outstanding I/O"),
    (r"dm_|dm-|kcopyd|md|raid|bcache_|drbd", "device mapper and RAID", "snapshots, or a backlog of writes"),
    (r"kvm_|x86_emulator|x86_fpu", "KVM", "virtual machines"),
    (r"iommu_|dma_", "IOMMU and DMA", "a driver that does not unmap"),
    (r"drm_|i915_|amdgpu_|ttm_|xe_", "graphics", "buffers or fences that are not released"),
    (r"Acpi-", "ACPI", "constant on a healthy machine: growth is nearly always another name of the merged class"),
    (r"perf_event|ftrace_|trace_event|taskstats", "tracing", "tracing sessions left open"),
    (r"posix_timers|sigqueue", "timers and signals", "timers not deleted, signals not taken"),
    (r"kioctx|aio_|io_kiocb|dio|io_", "asynchronous I/O", "rings that are stuck"),
    (r"zs_handle|zspage|zswap|z3fold", "compressed memory", "load on zram or zswap"),
    (r"ksm_|khugepaged|mm_slot", "page merging", "follows the memory that is scanned"),
    (r"vmap_area", "vmalloc", "many or fragmented areas: see the Vmalloc pane"),
    (r"audit_", "audit", "records that no audit daemon takes"),
    (r"nf_conncount", "netfilter", "connection limits, one entry a connection counted"),
    (r"pool_workqueue|workqueue", "work queues", "work that is queued and not done"),
    (r"user_namespace|uts_|ipc_|fib_rules|net_", "namespaces", "containers that did not go away"),
    (r"shared_policy|numa_policy|mempolicy", "NUMA policies", "mappings with a policy of their own"),
    (r"bpf_|btf_", "BPF", "programs and maps"),
    (r"rpc|sunrpc", "NFS", "a server that hangs"),
    (r"hugetlbfs|secretmem", "memory file systems", "open files"),
    (r"leakgen_", "the lab's leak generator", "what the test asked for"),
)  # fmt: skip

_COMPILED = tuple((re.compile(pattern), KnownCache(subsystem, meaning)) for pattern, subsystem, meaning in _TABLE)


def known_cache(name: str) -> KnownCache | None:
    """What a cache of that name is for; None where the table does not know it."""
    return next((known for pattern, known in _COMPILED if pattern.match(name)), None)


_IN_MEMORY = ("shmem_", "hugetlbfs_", "mqueue_", "secretmem", "sock_inode")
"""Inodes of what lies in memory alone, and stays until it is removed or closed."""


def holds_cached_files(name: str) -> bool:
    """Whether a cache of that name is reclaimable in every kernel, also where a capture does not say so."""
    if name.startswith(_IN_MEMORY):
        return False
    return name in {"dentry", "buffer_head", "radix_tree_node", "xa_node"} or name.endswith(("inode_cache", "_inode"))
