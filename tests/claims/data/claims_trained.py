"""Claims about a trained model, for tests that bring a tiny random one."""

from claims.bands import between
from claims.claim import Claim
from claims.experiment import experiment
from claims.kinds import mean

BASELINE = experiment("claims.models.baseline:baseline", fixed={"length": 64}, needs="model", most_seeds=8)
LARGE = experiment("claims.models.baseline:baseline", fixed={"length": 64}, needs="model", of="TinyLlama-1.1B-3T")
LOSS = Claim(
    id="tiny.baseline.loss",
    locus="section 1",
    statement="A random model guesses.",
    role="transfer",
    test=mean(BASELINE["loss"]),
    band=between(0.0, 60.0, provenance="author", because="it guesses"),
    rival=80.0,
    decides="standard",
)
REPLICATION = Claim(
    id="tiny.baseline.replicated",
    locus="section 1",
    statement="So says the paper.",
    role="replication",
    test=mean(LARGE["loss"]),
    rival=80.0,
    decides="standard",
    band=between(0.0, 60.0, provenance="author", because="it guesses"),
)
NUMBER = Claim(
    id="tiny.uniform",
    locus="section 1",
    statement="A random model is no better than chance.",
    role="transfer",
    test=mean(BASELINE["below_uniform"]),
    decides="standard",
    expected="UNDECIDED",
    band=between(-90.0, 0.0, provenance="author", because="it guesses"),
    rival=3.0,
)
