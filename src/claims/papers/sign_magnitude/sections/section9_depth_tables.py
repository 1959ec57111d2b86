"""Claims of Tables 3, 15 and 16: each row replayed on the authors' draws, and the arithmetic between the tables.

The authors' repository has two scripts that can produce "V2" and "V3". Every printed row is the one with a second
projection, W_down relu(W_up y) with 2048 hidden units; the other one's figures stand in their released results.
"""

from __future__ import annotations

from claims import REFUTED, Claim, Reading, grid, recomputed, replay, table
from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.figures.depth_checks import Declining, EndsOf, Exponent
from claims.papers.sign_magnitude.shared.block import REPLAY_SLACK
from claims.papers.sign_magnitude.shared.depth import LAYERS, REPLAY_RELEASED, REPLAY_TABLES

_FOLDER = "claims.papers.sign_magnitude:figures"
TABLE_3 = f"{_FOLDER}/table3.toml"
TABLES = {"15": False, "16": True}
PRINTED = {name: [row["c"] for row in read_rows(f"{_FOLDER}/table{name}.toml")] for name in TABLES}
#: Means that the script without a second projection gave at its three widths.
MULTILAYER = f"{_FOLDER}/multilayer.toml"
SEEDS = 20
#: Width of the tables' network, and of the narrowest released one.
NARROW = 512
_TABLES_RUN = "W_down relu(W_up y) at n = 512 with 2048 hidden units, normalised after each layer, compared normalised"
_RELEASED_RUN = {
    False: "relu(W y) at n = m = {width}, normalised after each layer, compared normalised",
    True: "y + relu(W y/|y|) at n = m = {width}, never normalised, compared as it is",
}


def _row(name: str, layer: int) -> Claim:
    """One row of Table 15 or 16, replayed."""
    residual = TABLES[name]
    return Claim(
        id=f"sign-magnitude.table{name}.row-{layer}",
        locus=f"Table {name}, L = {layer}",
        statement=f"{PRINTED[name][layer - 1]} after {layer} layers is the authors' run with a second projection.",
        at=grid(residual=residual, layer=layer),
        test=replay(
            REPLAY_TABLES["c"],
            seeds=SEEDS,
            printed_mean=PRINTED[name][layer - 1],
            neighbours=[REPLAY_RELEASED["c"], REPLAY_TABLES.at(layer=layer - 1 if layer > 1 else 2)["c"]],
            configuration=("y + " if residual else "") + _TABLES_RUN,
            slack=REPLAY_SLACK,
        ),
        decides="standard",
    )


ROWS = tuple(_row(name, layer) for name in TABLES for layer in LAYERS)


def _without_projection(
    name: str,
    layer: int,
    claim_id: str,
    locus: str,
    statement: str,
    replayed: str,
    wider: str,
    role: str = "paper",
    source: str = "The printed figure, to its last digit, as a run of the network that the passage names.",
) -> Claim:
    """A printed figure against the authors' script without a second projection, at each of the script's widths."""
    residual = TABLES[name]

    network, end = "v3" if residual else "v2", "first" if layer == 1 else "last"
    run = replay(
        REPLAY_RELEASED["c"],
        seeds=SEEDS,
        printed_mean=PRINTED[name][layer - 1],
        neighbours=[REPLAY_RELEASED.at(layer=layer - 1 if layer > 1 else 2)["c"]],
        configuration=_RELEASED_RUN[residual].format(width=NARROW),
        slack=REPLAY_SLACK,
    )

    def released(width: int, because: str) -> Reading:
        """The same of another width, by the mean that the authors released."""
        check = recomputed(
            f"printed_{end}",
            uses=(end,),
            formula=lambda mean: mean,
            where=lambda row: (row["network"], row["width"]) == (network, str(width)),
        )
        return Reading(axis="width", option=f"n = m = {width}", because=because, test=table(MULTILAYER, check=check))

    return Claim(
        id=f"sign-magnitude.{claim_id}",
        locus=locus,
        statement=statement,
        read_as=(
            f"{source} At n = m = 512, the width of V0's run, it is run on the published seeds; at the script's other "
            "widths, 1024 and 2048, its released means stand for runs."
        ),
        at=grid(residual=residual, width=NARROW, layer=layer),
        test=run,
        readings=(
            Reading(axis="width", option=f"n = m = {NARROW}", because="It is that of V0's run, and of the tables'."),
            released(1024, "It is one of the script's three widths."),
            released(2048, "It is one of the script's three widths, and the one that Figure 2 is drawn of."),
        ),
        expected=REFUTED,
        finding=(
            f"At n = m = {NARROW} the single-projection network gives {replayed} on the published seeds, and its "
            f"released means at 1024 and 2048 are {wider}. The authors' other script, whose layers have a second "
            f"projection, gives {PRINTED[name][layer - 1]}."
        ),
        corrected_by=f"sign-magnitude.table{name}.row-{layer}",
        role=role,
        decides="standard",
    )


PROVENANCE = (
    _without_projection(
        "15",
        1,
        "v2.no-second-projection",
        "section 7.1, note; section 9.4, V2",
        "V2 stacks single-projection blocks: the printed 3.587 after its first layer is the ratio of such a block.",
        "3.5954, the printed 3.595 of V0,",
        "3.606 and 3.617",
    ),
    _without_projection(
        "15",
        6,
        "v2.released-script",
        "README of the authors' repository, multi-layer results",
        "As the README of the authors' repository has it, 3.066 after six layers comes from their multi-layer toy "
        "script.",
        "3.0485",
        "3.034 and 3.061",
        "ours",
        "The figure, to its last digit, as the script's mean over seeds; the README names no width.",
    ),
    _without_projection(
        "16",
        1,
        "v3.figure-network",
        "Table 16; Figure 2 by the authors' plotting script and README",
        "Table 16 is the residual network that the authors' plotting script draws as Figure 2, with 1.355 at its first "
        "layer.",
        "1.2106",
        "1.217 and 1.220",
        "implied",
        "The printed figure, to its last digit, as a mean of the network that the plotting script loads, at its width "
        "of 2048 or another. That Figure 2 shows the network of Table 16 is the plotting script's and the README's; "
        "the paper names it V3, with a residual connection, and not its projections.",
    ),
)


def _released(residual: bool, width: int, layer: int, mean: str, sd: str | None = None) -> Claim:
    """A figure of the released results, replayed."""
    spread = f" with spread {sd}" if sd else ""
    return Claim(
        id=f"sign-magnitude.v{3 if residual else 2}.released-{width}-layer-{layer}",
        locus=f"released results of the multi-layer toy script, m = {width}; Figure 2",
        statement=f"The released mean {mean}{spread} after {layer} layers follows from the authors' own draws.",
        at=grid(residual=residual, width=width, layer=layer),
        test=replay(
            REPLAY_RELEASED["c"],
            seeds=SEEDS,
            printed_mean=mean,
            printed_sd=sd,
            neighbours=[REPLAY_RELEASED.at(layer=layer - 1 if layer > 1 else 2)["c"]],
            configuration=_RELEASED_RUN[residual].format(width=width),
            slack=REPLAY_SLACK,
        ),
        role="ours",
        decides="standard",
    )


RELEASED = (
    _released(False, NARROW, 1, "3.59539", "0.01981"),
    _released(False, NARROW, 6, "3.04854"),
    _released(False, 1024, 1, "3.606"),
    *(
        _released(residual, 2048, layer, mean)
        for residual, means in (
            (False, ("3.617", "3.494", "3.351", "3.250", "3.141", "3.061")),
            (True, ("1.220", "1.265", "1.335", "1.405", "1.472", "1.535")),
        )
        for layer, mean in enumerate(means, start=1)
    ),
)

ARITHMETIC = (
    Claim(
        id="sign-magnitude.table3.changes",
        locus="Table 3; section 7.1, dilution; section 9.4, Exp B",
        statement="The changes follow from the printed ratios: -14.5, -2.7, -15.1, -7.9, -62, +27 and +2.3 per cent.",
        test=table(
            TABLE_3,
            check=recomputed("change", uses=("first", "last"), formula=lambda first, last: 100 * (last / first - 1)),
        ),
    ),
    *(
        Claim(
            id=f"sign-magnitude.table3.{experiment.lower()}",
            locus=f"Table 3, {experiment}; Table {name}",
            statement=f"Table 3's ratios of {experiment} are the first and last of Table {name}.",
            test=table(TABLE_3, check=EndsOf(experiment=experiment, path=f"{_FOLDER}/table{name}.toml", column="c")),
        )
        for experiment, name in (("V2", "15"), ("V3", "16"))
    ),
    *(
        Claim(
            id=f"sign-magnitude.table{name}.monotone",
            locus=f"Table {name}, column 'Trend'",
            statement=f"The printed means of Table {name} fall from every layer to the next.",
            test=table(f"{_FOLDER}/table{name}.toml", check=Declining(column="c")),
        )
        for name in TABLES
    ),
    *(
        Claim(
            id=f"sign-magnitude.table{name}.exponent",
            locus=f"Conjecture 1; Table {name}",
            statement=f"C_L = (pi/(pi - 2))^(beta L), fitted to Table {name}, has the negative exponent {text}.",
            test=table(f"{_FOLDER}/table{name}.toml", check=Exponent(column="c", text=text)),
            role="ours",
        )
        for name, text in (("15", "-0.0310"), ("16", "-0.0052"))
    ),
)
