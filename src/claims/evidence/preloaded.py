"""Imported by the server that forks workers, so that each of them starts with the large libraries there are."""

import scipy.special  # noqa: F401

from claims.evidence.measure import torch_if_there

torch_if_there()
