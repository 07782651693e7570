"""What common callers of vmalloc are, and when their growth is a leak."""

from __future__ import annotations

import re

_TABLE: tuple[tuple[str, str], ...] = (
    (r"kernel_clone|_?do_fork|copy_process|dup_task_struct|alloc_thread_stack_node|fork_idle", "kernel stacks, one an area: as many as threads, and a few kept for the next ones"),
    (r"module_alloc|load_module|move_module|layout_and_allocate|execmem_", "code of kernel modules: grows when modules are loaded again and again"),
    (r"bpf_|htab_map|array_map|__bpf|bpf$", "BPF programs and maps: grows with descriptors or links that are not released"),
    (r"pcpu_|percpu", "per-CPU chunks, counted by Percpu: grows with cgroups, devices and per-CPU maps that do not go away"),
    (r"alloc_large_system_hash", "hash tables made at boot: constant"),
    (r"swap_cgroup|.*swapon|zs_|zswap", "tables of a swap area: constant while it is on"),
    (r"packet_set_ring|alloc_one_pg_vec_page|tpacket|tun_|tap_", "rings of packet sockets and tun devices: see the sockets pane"),
    (r"n_tty_open|tty_", "buffers of open terminals: grows with terminals that are not closed"),
    (r"seq_buf|seq_read|single_open|kernfs_fop|proc_reg|vmemdup_user|kvmemdup", "buffers for large reads and arguments: goes with the descriptor"),
    (r"xt_|ipt_|translate_table|ebt_|do_ebt|ip_set|nft_|nf_ct", "netfilter tables: grows where rules are loaded again and again"),
    (r"dm_|md_|raw_ram|_raw_ram|ocf_|bcache|raid", "device mapper, RAID and caches: in proportion to the device"),
    (r"xfs_|ext4_|btrfs|kvmalloc|kmem_zalloc|jbd2|f2fs", "file system tables"),
    (r"spl_|zil_|kv_alloc|zfs|zio", "ZFS: part of the ARC"),
    (r"ttm_|drm_|i915|amdgpu|vmw_|os_alloc|_nv|nv_|NewVMalloc|xe_", "graphics: vmap is a mapping only, vmalloc is memory"),
    (r"kvm_|vhost|vmci|qp_alloc", "virtual machines"),
    (r"acpi_|ioremap|of_iomap|devm_|pci_|msix|hpet|dmar|memremap|iotable|vp_modern", "registers of devices: address space, not memory"),
    (r"dma_|iommu_dma|gen_pool|__dma", "DMA buffers: a driver that allocates and does not free"),
    (r"alloc_netdev|netdev_|e1000|mlx|ice_|i40e|ixgbe|vmxnet|netvsc|hv_|virtnet", "network device rings: grows where a device is reset again and again"),
    (r"deflate|zlib|lzo|zstd|xz_|zisofs|crypto", "work areas for compression and ciphers"),
    (r"binder", "Android's binder"),
    (r"do_init_module|do_one_initcall", "a module's own start"),
)  # fmt: skip

_COMPILED = tuple((re.compile(pattern), meaning) for pattern, meaning in _TABLE)


def known_caller(caller: str) -> str | None:
    """What a caller of that name allocates; None where the table does not know it."""
    if caller.startswith("0x"):
        return "an address without a name: code of a module that was unloaded, and left this memory behind"
    return next((meaning for pattern, meaning in _COMPILED if pattern.match(caller)), None)
