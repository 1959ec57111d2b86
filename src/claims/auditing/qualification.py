"""Qualification: whether seeds are such as an interval takes them to be; those that are not decide nothing.

Student's t errs as seldom as it says where seeds are nearly normal. Skewed ones make it too sure: a few seeds that all
miss the long tail agree with each other, far from the mean. Few seeds cannot show that they are skewed either, and
those that mislead show it least. So before its last look a mean has to clear the band by what seeds as skewed as
exponential ones would need; at the last one by what seeds of the skewness that they surely have would need. Seeds that
are surely more skewed than that decide nothing. It costs near-normal seeds a look or two where the interval clears the
band by a hair, and nothing is measured that the looks do not measure. So it is a function of the seeds of the looks,
like the verdict itself.

Of seeds that lie in a declared range, intervals that hold for all such seeds ask for no shape; only for independence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from claims.auditing.shape import Shape, widened
from claims.kinds.base import Judgement
from claims.verdict import HOLDS, REFUTED, UNDECIDED

#: The skewness of an exponential: what a verdict allows for before the last look, and the most that any allows for.
MOST_SKEWNESS = 2.0


def qualified(
    judgement: Judgement, seen: Shape | None, *, again: Callable[[float], Judgement], alpha: float, last: bool
) -> Judgement:
    """A judgement, if seeds of such a shape can support it; else UNDECIDED, with the reason and what to do about it.

    Args:
        judgement: what the look says.
        seen: the worst shape of what it takes the means of; None of kinds to which that does not matter.
        again: the look at another alpha.
        alpha: of the look.
        last: whether the claim gets no more seeds at the tier that decides it.
    """
    if judgement.verdict not in (HOLDS, REFUTED) or seen is None:
        return judgement
    if reason := unfit(seen):
        detail = {} if seen.dependent else {"averages": seen.averages}
        return replace(judgement, verdict=UNDECIDED, reason=reason, detail=detail | dict(judgement.detail))
    allowed = seen.sure_skewness if last else MOST_SKEWNESS
    if not allowed:
        return judgement
    granted = widened(alpha, seen.seeds, allowed)
    strict = again(granted)
    if strict.verdict is judgement.verdict:
        return judgement
    detail = {"granted": granted} | dict(strict.detail)
    if last:
        detail |= {"averages": seen.averages}
        reason = f"the interval of seeds as skewed as these ({seen.skewness:.2f}) reaches across an edge of the band"
        reason = f"{reason}: {_remedy(seen)}"
    else:
        reason = (
            f"{seen.seeds} seeds cannot show that they are not skewed, and do not clear the band by enough for that"
        )
    return replace(strict, verdict=UNDECIDED, reason=reason, detail=detail)


def independent(judgement: Judgement, seen: Shape | None) -> Judgement:
    """A judgement that holds for seeds of any shape, unless these depend on each other."""
    if judgement.verdict not in (HOLDS, REFUTED) or seen is None or not seen.dependent:
        return judgement
    return replace(judgement, verdict=UNDECIDED, reason=unfit(seen))


def unfit(seen: Shape, *, any_shape: bool = False) -> str:
    """Why no interval of the mean of such seeds is to be trusted, and what to do about it; empty if one is.

    Args:
        seen: the shape.
        any_shape: whether the interval is one that holds for every shape.
    """
    if seen.dependent:
        reason = f"seeds depend on each other: correlation {seen.correlation:.2f} of one and the next"
        return f"{reason}; draw each from its own streams"
    if seen.sure_skewness > MOST_SKEWNESS and not any_shape:
        return f"seeds are too skewed for an interval of their mean (skewness {seen.skewness:.1f}): {_remedy(seen)}"
    return ""


def _remedy(seen: Shape) -> str:
    return f"average {seen.averages:,} of them inside a seed, or claim a quantile or a proportion"
