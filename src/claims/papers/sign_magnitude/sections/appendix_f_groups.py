"""Claims of Appendix F: flips in the group of outlier columns against flips in all other columns."""

from __future__ import annotations

import math
from typing import Any

from claims import (
    DEPENDS,
    HOLDS,
    REFUTED,
    Claim,
    Reading,
    at_most,
    experiment,
    grid,
    printed,
    ratio,
    search,
    value,
    within,
)
from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.shared.outliers import GROUPS, GROUPS_EXACTLY, NEEDED, all_flipped_ratio
from claims.papers.sign_magnitude.theory import outliers

ROWS = read_rows("claims.papers.sign_magnitude:figures/appendix_f.toml")
ETAS = [float(row["eta"]) for row in ROWS]

EXPLICIT = experiment(
    "claims.papers.sign_magnitude.experiments.outlier_quadrature:explicit_outliers", fixed={"n": 10_000}, seconds=0.001
)


def correlation(eta: float) -> float:
    """1 - 2 eta, after all outlier weights were negated."""
    return 1 - 2 * eta


def complement(eta: float) -> float:
    """2 eta - 1, after all others were negated."""
    return 2 * eta - 1


def _rows(quantity: str, label: str, meaning: str) -> tuple[Claim, ...]:
    """A column of the table, a claim a row; a figure that is wrong is followed by the right one."""
    return tuple(
        claim for row in ROWS if quantity in row for claim in _row(row["eta"], row[quantity], quantity, label, meaning)
    )


def _row(eta: str, figure: str, quantity: str, label: str, meaning: str) -> tuple[Claim, ...]:
    right = _CORRECTED.get((quantity, eta))
    common: dict[str, Any] = {
        "locus": f"Appendix F.3, table, {label}, eta = {eta}",
        "at": grid(eta=float(eta)),
        "test": value(GROUPS_EXACTLY[quantity]),
        "rival": 0.0,
    }
    name = f"sign-magnitude.appf.{quantity.replace('_', '-')}-{eta[-2:]}"
    claim = Claim(
        id=name,
        statement=f"{meaning} is {figure} at eta = {eta}.",
        band=printed(figure),
        readings=_QUOTIENTS if right else (),
        expected=right[3] if right else HOLDS,
        finding=f"It is {right[1]}, which rounds to {right[0]}{right[2]}." if right else "",
        corrected_by=f"{name}-recomputed" if right else None,
        read_as="As printed, to the last digit." if right else "",
        **common,
    )
    if not right:
        return (claim,)
    corrected = Claim(
        id=f"{name}-recomputed",
        statement=f"{meaning} is {right[0]} at eta = {eta}.",
        band=printed(right[0]),
        role="ours",
        **common,
    )
    return claim, corrected


#: What R_E may be the quotient of.
_QUOTIENTS = (
    Reading(axis="quotient", option="of the energies", because="R_E is defined as their quotient."),
    Reading(
        axis="quotient",
        option="of the energies as the row prints them, rounded",
        because="A reader of the table divides what it prints, and so may its authors have done.",
        test=value(GROUPS_EXACTLY["ratio_rounded"]),
    ),
)
#: Figures of the table that are wrong: the right one, more of its digits, what the printed energies give, and what
#: follows.
_CORRECTED = {
    ("ratio", "0.70"): ("1.877", "1.87745", "; so does the quotient of the row's rounded energies", REFUTED),
    ("ratio", "0.90"): ("5.627", "5.62748", "; the row's rounded energies have a smaller quotient than both", REFUTED),
    ("ratio", "0.99"): ("52.2", "52.1741", "; the printed .999 and .019 of the row give 52.6", DEPENDS),
}

TABLE = (
    *_rows("energy_outliers", "E_A", "The energy of negating all outlier weights"),
    *_rows("energy_rest", "E_B", "The energy of negating all others"),
    *_rows("ratio", "R_E", "The ratio of both energies"),
    *_rows("leverage", "19 R_E", "R_col, the ratio of both energies per flip,"),
    Claim(
        id="sign-magnitude.appf.leverage-99",
        locus="Appendix F.3, table, 19 R_E, eta = 0.99",
        statement=(
            "R_col, the ratio of both energies per flip, is 991.3 at eta = 0.99, where the text that was audited has "
            "no figure."
        ),
        at=grid(eta=0.99),
        test=value(GROUPS_EXACTLY["leverage"]),
        band=printed("991.3"),
        rival=19 * 52.6,
        role="ours",
    ),
)

MODEL = (
    Claim(
        id="sign-magnitude.appf.correlation",
        locus="Appendix F.3, case A",
        statement="Negating all outlier weights leaves a correlation of 1 - 2 eta.",
        at=grid(eta=ETAS),
        test=value(GROUPS_EXACTLY["correlation_outliers"]),
        band=within(correlation, abs=1e-13, provenance="theory", because="quadrature is exact to rounding"),
        rival=lambda eta: 1 - eta,
    ),
    Claim(
        id="sign-magnitude.appf.complementary",
        locus="Appendix F.3, case B and note",
        statement="Negating all others leaves 2 eta - 1, minus the correlation of case A.",
        at=grid(eta=ETAS),
        test=value(GROUPS_EXACTLY["correlation_rest"]),
        band=within(complement, abs=1e-13, provenance="theory", because="quadrature is exact to rounding"),
        rival=lambda eta: eta,
    ),
    *(
        Claim(
            id=f"sign-magnitude.appf.key-value-{name}",
            locus="Appendix F.3, eq. 33, key values",
            statement=f"The energy is {text} at correlation {rho}.",
            at=grid(eta=eta),
            test=value(GROUPS_EXACTLY["energy_outliers"]),
            band=within(target, abs=tolerance, provenance="theory", because=because),
            rival=0.5,
        )
        for name, rho, text, eta, target, tolerance, because in (
            ("none", "1", "0", 1e-12, 0.0, 2.1e-12, "2 eta at eta = 1e-12"),
            ("independent", "0", "1 - 1/pi", 0.5, 1 - 1 / math.pi, 1e-13, "exact to rounding"),
            ("opposite", "-1", "1", 1 - 1e-6, 1.0, 1e-8, "the deficit is of order (1 - eta)^1.5"),
        )
    ),
    Claim(
        id="sign-magnitude.appf.increasing",
        locus="Appendix F.3, column-group leverage ratio",
        statement="R_E grows with the outliers' share of the energy.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:GROUP_INCREASING",
            examples=60,
            restarts=2,
            seconds=0.1,
        ),
    ),
    Claim(
        id="sign-magnitude.appf.bound",
        locus="Appendix F.3, key observation",
        statement="R_col is at most 19 while the outliers have no more than half of the energy.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:GROUP_BOUND",
            examples=60,
            restarts=2,
            seconds=0.1,
        ),
    ),
    Claim(
        id="sign-magnitude.appf.drawn",
        locus="Appendix F.3",
        statement="Drawn neurons with all of a group negated have the ratio R_E.",
        at=grid(eta=[0.1, 0.5, 0.9], flip_rate=1.0),
        test=ratio(GROUPS["energy_outliers"], GROUPS["energy_rest"]),
        band=within(all_flipped_ratio, rel=0.03, provenance="smallest-effect", because="below rounding of R_E at .1"),
        rival=lambda eta: eta / (1 - eta) * 1.1,
    ),
    Claim(
        id="sign-magnitude.appf.leverage-1265",
        locus="Appendix F.3, key observation",
        statement="R_col = 1265 needs outliers with .9922 of the energy.",
        at=grid(value=1265, flip_rate=1.0),
        test=value(NEEDED["leverage"]),
        band=printed("0.9922"),
        rival=0.5,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.appf.ratio-1265",
        locus="Appendix F.3, key observation",
        statement="R_E = 1265, the ratio of whole groups, needs outliers with .9996 of the energy.",
        at=grid(value=1265, flip_rate=1.0),
        test=value(NEEDED["ratio"]),
        band=printed("0.9996"),
        rival=0.9922,
        role="ours",
    ),
)

CONNECTIONS = (
    Claim(
        id="sign-magnitude.appf.dettmers-energy",
        locus="Appendix F.5",
        statement="Outliers of k times the others' size, one in a thousand, have n alpha^2 = k^2/(.999 + .001 k^2).",
        at=grid(magnitude=[6, 10, 20, 60, 100], column_share=0.001),
        test=value(EXPLICIT["outlier_energy"]),
        band=within(outliers.outlier_energy, rel=1e-11, provenance="theory", because="a sum of 10,000 squares"),
        rival=lambda magnitude: magnitude**2,
    ),
    Claim(
        id="sign-magnitude.appf.dettmers-cap",
        locus="Appendix F.5",
        statement="Unit norm caps n alpha^2 at 1/eps = 1000, however large the outliers are.",
        at=grid(magnitude=[100, 1e4, 1e8], column_share=0.001),
        test=value(EXPLICIT["outlier_energy"]),
        band=at_most(1000.0 * (1 + 1e-9), provenance="theory", because="1/eps with the rounding of a sum"),
        rival=1e4,
        role="ours",
    ),
)
