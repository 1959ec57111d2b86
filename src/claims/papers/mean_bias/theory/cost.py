"""Arithmetic of Averis and of what it replaces, over the 2 l m n of one product of l tokens, m channels, n outputs."""


def means_and_subtractions(outputs: int) -> float:
    """A column mean of X and its subtraction, 2 l m."""
    return 1 / outputs


def forward(tokens: int, channels: int, outputs: int) -> float:
    """All that equation 11 adds: mean and subtraction, 2 m n for the mean times W, l n to add it to every row."""
    return 1 / outputs + 1 / tokens + 1 / (2 * channels)


def input_gradient(tokens: int, channels: int, outputs: int) -> float:
    """All that equation 12 adds to dX: mean and subtraction of D, 2 m n for the mean times W, l m for every row."""
    return 1 / channels + 1 / tokens + 1 / (2 * outputs)


def cross_terms(tokens: int, channels: int, outputs: int) -> float:
    """The two middle terms of equation 12's dW: sums over tokens, l m + l n, and two outer products of 2 m n."""
    return 1 / (2 * outputs) + 1 / (2 * channels) + 2 / tokens


def mean_term(tokens: int) -> float:
    """The last term of equation 12's dW: one outer product."""
    return 1 / tokens


def step(tokens: int, channels: int, outputs: int) -> float:
    """All that equations 11 and 12 add, over the three products of a step."""
    shape = (tokens, channels, outputs)
    return (forward(*shape) + input_gradient(*shape) + cross_terms(*shape) + mean_term(tokens)) / 3


def hadamard(outputs: int) -> float:
    """Fast transform of X in blocks of 16: four additions an element, its sign, and the factor 1/4."""
    return 3 / outputs


def power_iteration(outputs: int) -> float:
    """X v and X^T (X v)."""
    return 2 / outputs


def gram(channels: int, outputs: int) -> float:
    """X^T X."""
    return channels / outputs
