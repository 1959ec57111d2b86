"""The Triton routes, a module an operation; importing this package alone loads nothing, Triton least of all."""
