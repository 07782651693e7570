"""Tracing allocations: what to ask of the kernel, which part of it to look at, and what is held at the end."""
