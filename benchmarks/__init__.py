"""Benchmarks: each prints one result with its size, seed, machine and peers, and says whether its targets are met."""
