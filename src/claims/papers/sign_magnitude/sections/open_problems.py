"""The open problems of section 11.2: what the claims of this pack say about each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenProblem:
    """What can be said of one of the paper's open problems, and the claims that say it."""

    said: str
    claims: tuple[str, ...]


def _ids(*names: str) -> tuple[str, ...]:
    return tuple(f"sign-magnitude.{name}" for name in names)


OPEN_PROBLEMS = {
    "O1a": OpenProblem(
        "Theorem 6 holds at every amplitude, but gates do not dominate below alpha = 1/2, and Appendix F's two groups "
        "describe other flips than experiment D's.",
        _ids("appe.leverage", "appe.gate-share", "appf.exp-d-drawn"),
    ),
    "O1b": OpenProblem(
        "In one layer outliers lower the ratio of sign to magnitude damage instead of raising it; nothing is derived "
        "here for several layers.",
        _ids("sec72.ratio-with-outlier", "sec72.never-above"),
    ),
    "O1c": OpenProblem(
        "The all-column NLL ratio 5.0 is one of whole groups, for which energies allow at most 1 while outliers have "
        "half of the energy or less: it takes .84 to .89 of the energy. On a trained model KL is proportional to the "
        "transverse energy in the residual stream, with one factor for all matrices to a factor of two.",
        _ids(
            "appf.nll-ratio-needs-all",
            "appf.nll-ratio-needs-five-percent",
            "model.kl-linear-in-energy",
            "model.hessian-isotropic",
        ),
    ),
    "O2": OpenProblem(
        "Solved for any activation: four Gaussian moments give the limit, pi/(pi - 2) is its maximum, reached by "
        "positively homogeneous activations alone; SiLU has 2.434 and GELU 2.539 at unit variance.",
        _ids("beyond.c0-formula", "beyond.c0-maximum", "beyond.c0-homogeneous", "beyond.ratio-pre", "beyond.block"),
    ),
    "O3": OpenProblem(
        "Weights are fresh in every layer, so that pre-activations stay bivariate normal and a recursion in few "
        "numbers gives c at every depth; as p -> 0 it stays pi/(pi - 2) without skip connections, and rises with depth "
        "in a residual stream that is not normalised.",
        _ids("depth.mean-field", "depth.small-rate-plain", "depth.small-rate-kept-stream"),
    ),
    "O4": OpenProblem(
        "A quantizer that shrinks the pre-activations acts on the normalised output as a shrinking magnitude step "
        "does: at equal norm it then does more damage than sign flips. No law over depth is derived here for it.",
        _ids("a4.shrinking-step-post", "sec84.ratio-post"),
    ),
    "O5": OpenProblem(
        "The Gaussian 2/pi is replaced by kappa = (E|w|)^2/E w^2 of the weights, and the limit by 1/(1 - kappa).",
        _ids("beyond.weight-law-limit", "beyond.weight-laws", "fact1.limit"),
    ),
    "O6": OpenProblem(
        "A positive gain before the ReLU drops out of the normalised output exactly, unless there is a skip "
        "connection.",
        _ids("gain.drops-out"),
    ),
    "O7a": OpenProblem(
        "The closed form .3649 holds, within .42 per cent of 1 - 2/pi.",
        _ids("sec84.radial", "sec84.radial-form"),
    ),
    "O7b": OpenProblem(
        "False as conjectured: departures of gates kept and gates switched do not cancel, their radial amplitudes add "
        "before they are squared.",
        _ids("appg.coherent-sum", "appg.average"),
    ),
}

NOT_CLAIMS = {
    f"Section 11.2, {name}": f"An open problem. {problem.said} See {', '.join(problem.claims)}."
    for name, problem in OPEN_PROBLEMS.items()
}
