"""Every write to the kernel, and nothing else."""
