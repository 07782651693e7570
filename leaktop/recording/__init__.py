"""Recordings: ticks of raw samples as zstd-compressed JSON Lines, written, read, cut and mended here."""
