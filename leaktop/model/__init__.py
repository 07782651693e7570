"""Frozen value types that every other room shares. Standard library only."""
