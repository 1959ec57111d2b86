"""The straightforward protocol of every stochastic experiment: what the audit's estimators are measured against.

``PROTOCOLS`` names those that are written out here, by the experiment's name. A protocol is a function with the
interface of its experiment, which computes one cell of the sweep from draws of its own: as many inputs as the authors'
scripts take (10,000), each used once, no exact means, no controls, no draws shared between cells. The names of an
experiment that is not here stand for itself, one cell a run.
"""

from __future__ import annotations

from benchmarks.plain.protocol import INPUTS, PROTOCOLS, Protocol, protocol_of

__all__ = ["INPUTS", "PROTOCOLS", "Protocol", "protocol_of"]
