"""leaktop: where a Linux machine's memory is, what grows, and who asked for it."""

__version__ = "0.1.0"
