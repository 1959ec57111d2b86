"""What both papers' packs ask of the kernels that they measure by: that each gives here what its reference gives."""

from __future__ import annotations

from claims import experiment, identity

_MEASURED = experiment("claims.kernels.agreement:agreement", seconds=0.005)
_EXCESS = _MEASURED["excess"]
#: Of the kernel that a point names.
AGREES = identity(_EXCESS, _EXCESS * 0.0, bound=1.0, planted=_MEASURED["planted"], draws=16)
