"""``claims.kernels`` against every independent implementation of its formats that runs on a CPU.

``python -m claims.kernels.conformance`` compares codes and values, exhaustively where the domain has 16 bits, and
prints formats by oracles. Every difference needs a reason that the definition or what is known of the oracle gives
beforehand (a mask of where it holds); the command exits 1 if one has none, if routes disagree, or if counts are other
than recorded for these versions of the oracles. ``--record`` writes the record anew, from which
``docs/reference/conformance.md`` is made. Exit status 2: no oracle is installed.
"""
