"""Weight vectors (paper, section 3): what the sign pattern, the magnitudes and a row scale capture.

Vectors have n iid symmetric entries; cosines are squared and uncentred. `law` names a weight law.
"""

import math

from .block import BUSSGANG

# (E|w|)^2 / E w^2 and E w^4 / (E w^2)^2 of each law, by integration of its density.
_MOMENTS = {
    "gaussian": (BUSSGANG, 3.0),
    "laplace": (0.5, 6.0),
    "uniform": (0.75, 1.8),
    "rademacher": (1.0, 1.0),
}


def _moments(law: str) -> tuple[float, float]:
    try:
        return _MOMENTS[law]
    except KeyError:
        raise ValueError(f"law: one of {', '.join(_MOMENTS)} is known, got {law!r}") from None


def sign_cosine_limit(law: str = "gaussian") -> float:
    """Limit of cos^2(w, sign w) as n grows: kappa = (E|w|)^2 / E w^2 (Fact 1, eq. 3)."""
    return _moments(law)[0]


def sign_cosine_mean(n: int) -> float:
    """E cos^2(w, sign w) for n Gaussian entries, exactly: 2/pi + (1 - 2/pi)/n.

    w/|w| is uniform on the sphere, n E|u1 u2| = E|g1| E|g2| = 2/pi, and the n diagonal terms give 1/n.
    """
    return BUSSGANG + (1 - BUSSGANG) / n


def sign_cosine_spread() -> float:
    """Limit of sqrt(n) times the standard deviation of cos^2(w, sign w), Gaussian entries.

    Delta method on (mean |w|, mean w^2) with cov(|w|, w^2) = E|w|: variance 4 kappa - 6 kappa^2.
    """
    return math.sqrt(4 * BUSSGANG - 6 * BUSSGANG**2)


def random_sign_cosine_limit(law: str = "gaussian") -> float:
    """Limit of n E cos^2(w, v), v = |w| with independent random signs: E w^4/(E w^2)^2 (Prop. 2, eq. 5)."""
    return _moments(law)[1]


def random_sign_cosine_mean(n: int) -> float:
    """E cos^2(w, v) for n Gaussian entries, exactly: 3/(n + 2).

    Given |w| the random signs leave the sum of fourth powers of w/|w|, and E u^4 = 3/(n (n + 2)).
    """
    return 3 / (n + 2)


def row_scale_variance(n: int) -> float:
    """Variance of the row scale s = mean |w| over n standard normal entries, exactly: (1 - 2/pi)/n.

    A per-tensor scale averages m n entries, so its variance is `row_scale_variance(m * n)` (footnote 1).
    """
    return (1 - BUSSGANG) / n


def flip_norm_variance(m: int, n: int, flip_rate: float) -> float:
    """Variance of ||dW||_F^2 for sign flips of an m x n matrix with N(0, 1/n) entries: 16 m p (3 - p)/n.

    Each entry adds 4 w^2 b with E w^4 = 3/n^2, so its variance is 16 (3p - p^2)/n^2 (section 6.1).
    """
    return 16 * m * flip_rate * (3 - flip_rate) / n


def flip_norm_mean(m: int, flip_rate: float) -> float:
    """Mean of ||dW||_F^2 for sign flips of m rows with N(0, 1/n) entries: 4 p m (section 6.1)."""
    return 4 * flip_rate * m
