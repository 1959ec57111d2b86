"""What pairing can do to the comparison of two scores on the same items, when only both scores are known."""


def fewest_discordant(items: int, first: int, second: int) -> float:
    """The fewest of the items on which two runs with so many right answers can differ."""
    return abs(second - first)


def most_discordant(items: int, first: int, second: int) -> float:
    """The most items on which they can differ: one run right and the other wrong, wherever that is possible."""
    return min(first + second, 2 * items - first - second)


def difference_variance(items: int, first: int, second: int, discordant: float) -> float:
    """Variance of the difference of two proportions of right answers over so many items, given the discordance.

    A discordant item contributes +1 or -1, so the variance of the mean is (d - Delta^2)/n with d the share of
    discordant items. For independent answers it is the sum of both binomial variances.
    """
    share, difference = discordant / items, (second - first) / items
    return (share - difference * difference) / items


def independent_discordant(items: int, first: int, second: int) -> float:
    """Expected number of discordant items if the two runs' answers are independent."""
    return (first * (items - second) + second * (items - first)) / items
