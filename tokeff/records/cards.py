"""Cards: what is declared of one named tokenizer. Read from TOML by `tokeff.tokenizers.registry`.

A card names a family from a closed table, never a Python path. Leaves out reading, checking and loading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tokeff.records.items import Modality

Scalar = str | int | float | bool
ParameterValue = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file or directory that a tokenizer needs. Where several places are given, they are tried in this order."""

    package: str | None = None
    """`module/path`: a file inside an installed package, e.g. `mistral_common/data/tekken_240911.json`."""
    file: str | None = None
    """A file name, looked for by name and sha256 in the folders of $TOKEFF_ARTEFACTS; or a path, also from the card's
    folder on."""
    hub: str | None = None
    """A repository id of the Hugging Face hub, loaded by the library that knows it."""
    library: str | None = None
    """The name by which the family's own library knows and caches it, e.g. tiktoken's `o200k_base`."""
    sha256: str | None = None
    n_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One named tokenizer."""

    name: str
    modality: Modality
    family: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    """Values for the family's declared parameters; those absent here have the family's default."""
    artefact: Artefact | None = None
    vocab_size: int | None = None
    """Declared number of ids of each stream's union; None where it follows from the artefact or is continuous."""
    aliases: tuple[str, ...] = ()
    summary: str = ""
    licence: str = ""
    source: str = ""
    date: str = ""
    """Day on which a published rule was read (ISO), for tokenizers that are only known by their rule."""
    citation: str = ""
    extra: str | None = None
    """Name of the optional dependency group that it needs."""
    notes: str = ""
    sha256: str = ""
    """Of the card's text with all overrides: what a measurement's identity rests on."""
