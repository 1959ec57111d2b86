"""Benchmarks: a table of the kernels beside the machine's limits and their peers, and what asv tracks over commits."""
