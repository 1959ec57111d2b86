"""Closed forms of section 2: signs of projections, the readings of eq. 1, how far one mode takes up the mean.

X has l rows (tokens) of m entries (channels). The model is X = shift 1 b' + Z with b of unit root mean square and Z
standard normal, so that ``shift`` is the mean's size a channel in units of the noise.
"""

import math

from .normal import tail


def signs_of_noise(tokens: int, channels: int) -> float:
    """Share of tokens whose projection on the sample mean is positive when X is standard normal: exact.

    Given the mean, a projection is normal about |mu| with variance 1 - 1/l, and |mu| sqrt(l) is a chi variable with m
    degrees of freedom, so the share is the distribution function of Student's t with m degrees of freedom at
    sqrt(m/(l - 1)). In the angle a = arcsin(l^-1/2) that is a finite sum (odd and even m apart).
    """
    _check_shape(tokens, channels)
    sine = 1 / math.sqrt(tokens)
    cosine2 = 1 - 1 / tokens
    total, term = 0.0, 1.0
    if channels % 2 == 0:
        for j in range(0, channels, 2):
            total += term
            term *= cosine2 * (j + 1) / (j + 2)
        return min(1.0, (1 + sine * total) / 2)
    for j in range(1, channels, 2):
        total += term
        term *= cosine2 * (j + 1) / (j + 2)
    return min(1.0, 0.5 + (math.asin(sine) + sine * math.sqrt(cosine2) * total) / math.pi)


def signs_of_noise_wide(tokens: int, channels: int) -> float:
    """The same for many channels, where |mu| is known: Phi(sqrt(m/l))."""
    _check_shape(tokens, channels)
    return tail(-math.sqrt(channels / tokens))


def held_out_signs(shift: float, tokens: int, channels: int) -> float:
    """Share of positive projections on the mean of the other half of the tokens, to O(1/m).

    That mean has squared cosine s^2/(s^2 + 2/l) with b (its noise has m - 1 of its m components across b), and the
    projection of a token on it is normal with mean s sqrt(m) times the cosine, variance 1. Without shift it is 1/2.
    """
    _check_shape(tokens, channels)
    if shift == 0:
        return 0.5
    return tail(-shift * math.sqrt(channels) * abs(shift) / math.sqrt(shift * shift + 2 / tokens))


def mean_share(tokens: int, shift: float = 0.0) -> float:
    """E |M|^2 / E |X|^2, the square of eq. 1 read with the mean energy of a token: (s^2 + 1/l)/(s^2 + 1).

    Without shift the quotient itself has a beta law with mean 1/l, so that the null is exact.
    """
    return (shift * shift + 1 / tokens) / (shift * shift + 1)


def mean_share_by_entries(tokens: int, channels: int, shift: float = 0.0) -> float:
    """Square of eq. 1 read with the mean square of an entry: m times the share, up to m."""
    return channels * mean_share(tokens, shift)


def mean_share_by_tokens_twice(tokens: int, shift: float = 0.0) -> float:
    """Square of eq. 1 with an expectation over tokens that is divided by their number again: l times the share."""
    return tokens * mean_share(tokens, shift)


def leading_coherence(shift: float, tokens: int, channels: int) -> float:
    """Limit of (u1'1)^2/l for large l and m of ratio c = m/l: 1 - (c + t)/(t (t + 1)), t = shift^2 m > sqrt(c).

    The left singular vector of a rank-one signal in white noise (Benaych-Georges and Nadakuditi 2012); 0 below the
    transition.
    """
    _check_shape(tokens, channels)
    ratio, strength = channels / tokens, shift * shift * channels
    if strength <= math.sqrt(ratio):
        return 0.0
    return 1 - (ratio + strength) / (strength * (strength + 1))


def _check_shape(tokens: int, channels: int) -> None:
    if tokens < 2 or channels < 1:
        raise ValueError(f"tokens and channels: at least 2 and 1 are needed, got {tokens!r} and {channels!r}")
