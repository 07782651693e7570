"""Functions that take whole pages for what a line of /proc/meminfo counts: so they are not where the residual comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE: tuple[tuple[str, str], ...] = (
    ("page cache", r"_?_?filemap_(?:get|alloc)_folio(?:_mpol)?|page_cache_ra_(?:unbounded|order)|r(?:actl|a)_alloc_folio|__page_cache_alloc|pagecache_get_page|grab_cache_page\w*"),
    ("memory of processes", r"do_anonymous_page|alloc_anon_folio|folio_prealloc|wp_page_copy|do_wp_page|do_cow_fault|vma_alloc_(?:anon_)?folio\w*|vma_alloc_zeroed_movable_folio|alloc_pages_vma|alloc_charge_folio|__?(?:read_)?swap_cache_(?:async|alloc_folio)|__read_swap_cache_async|alloc_swap_folio|do_huge_pmd_\w+"),
    ("shared memory", r"shmem_alloc_\w+|shmem_get_(?:page_gfp|folio_gfp)"),
    ("slab", r"alloc_slab_page|allocate_slab|new_slab(?:_objects)?|cache_grow(?:_begin)?|kmem_getpages"),
    ("vmalloc", r"__vmalloc_area_node|__vmalloc_node_range|vm_area_alloc_pages"),
    ("page tables", r"(?:__)?(?:pte|pmd|pud|p4d|pgd)_alloc(?:_one|_kernel)?|(?:__)?pte_alloc_one(?:_kernel)?|pmd_alloc_one|_?pgd_alloc|pagetable_alloc"),
    ("kernel stacks", r"alloc_thread_stack_node|dup_task_struct"),
    ("per-CPU memory", r"pcpu_alloc_pages|pcpu_populate_chunk"),
    ("huge pages", r"alloc_buddy_hugetlb_folio|only_alloc_fresh_hugetlb_folio|alloc_fresh_huge_page\w*|alloc_buddy_huge_page"),
)  # fmt: skip
_ALLOCATOR = re.compile(
    r"post_alloc_hook|prep_new_page|get_page_from_freelist|__alloc_(?:frozen_)?pages(?:_nodemask|_slowpath)?"
    r"|alloc_(?:frozen_)?pages(?:_mpol|_current|_node)?|_{0,2}folio_alloc(?:_mpol)?"
)
_FAULT = re.compile(r"_{0,2}handle_mm_fault|handle_pte_fault|do_pte_missing")
"""Compilers put into these what allocates a process's memory."""
_COMPILED = tuple((meaning, re.compile(pattern)) for meaning, pattern in _TABLE)
_BEHIND_NAME = re.compile(r"(?:_noprof)?(?:\.(?:isra|constprop|part|cold|llvm)(?:\.\d+)?)*(?:\+0x.*)?(?: \[.*)?$")
"""What kernels with allocation profiling, compilers and %pS append to a function's name."""


def function_of(frame: str) -> str:
    """The function as the source calls it: "alloc_pages" of "alloc_pages_noprof.isra.0+0x4e/0x50 [module]"."""
    return _BEHIND_NAME.sub("", frame)


def counted_as(stack: Iterable[str]) -> str | None:
    """What the pages that a stack allocated are counted as; None where no counter names them."""
    functions = [function_of(frame) for frame in stack]
    asking = next((function for function in functions if not _ALLOCATOR.fullmatch(function)), "")
    if _FAULT.fullmatch(asking):
        return "memory of processes"
    for function in functions:
        for meaning, pattern in _COMPILED:
            if pattern.fullmatch(function):
                return meaning
    return None
