"""Families: the closed table of kinds of tokenizers, with the parameters that a card or specification may set.

Declarations only: what a family needs is imported by its loader, when a tokenizer is opened. Packages add
families through the entry-point group `tokeff.families`; a built-in name cannot be taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tokeff.errors import CardError, SpecError
from tokeff.records.cards import Card, ParameterValue
from tokeff.records.items import Modality
from tokeff.tokenizers.protocols import LoadContext, Tokenizer

ENTRY_POINT_GROUP = "tokeff.families"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting of a family. `type` is one of str, int, float, bool, or tuple (a list of scalars in TOML)."""

    type: type
    default: ParameterValue | None
    help: str
    choices: tuple[ParameterValue, ...] = ()


def no_source(source: str) -> Mapping[str, ParameterValue]:
    """For a family whose specification has nothing after the colon that is a parameter."""
    raise SpecError("nothing may stand after the colon", got=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of tokenizer."""

    name: str
    modality: Modality
    summary: str
    load: "str | Callable[[Card, LoadContext], Tokenizer[Any]]"
    """`module:function`, imported when needed, or the function itself."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_artefact: bool = False
    """Whether what follows the colon in a specification is a file, directory or hub id."""
    parse_source: Callable[[str], Mapping[str, ParameterValue]] = no_source
    """Otherwise: turns what follows the colon into parameters."""
    extra: str | None = None
    needs_modality: bool = False
    """Its name alone means the family of that name of another modality: `vq:DIR` is of pictures, `video/vq:DIR` not."""

    def loader(self) -> "Callable[[Card, LoadContext], Tokenizer[Any]]":
        """The function that opens a tokenizer of this family."""
        if not isinstance(self.load, str):
            return self.load
        module, _, attribute = self.load.partition(":")
        function: Callable[[Card, LoadContext], Tokenizer[Any]] = getattr(import_module(module), attribute)
        return function

    def complete(self, parameters: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """`parameters` with the family's defaults for those absent."""
        defaults = {name: p.default for name, p in self.parameters.items() if p.default is not None}
        return {**defaults, **parameters}


def builtin_families() -> dict[tuple[Modality, str], Family]:
    """The families of this package, by modality and name."""
    from tokeff.tokenizers import audio, image, text, video

    rooms = (*text.FAMILIES, *image.FAMILIES, *audio.FAMILIES, *video.FAMILIES)
    return {(family.modality, family.name): family for family in rooms}


def all_families() -> dict[tuple[Modality, str], Family]:
    """Built-in families and those that installed packages add."""
    from importlib.metadata import entry_points

    families = builtin_families()
    for point in entry_points(group=ENTRY_POINT_GROUP):
        family = point.load()
        where = f"entry point {point.value}"
        if not isinstance(family, Family):
            raise CardError("is not a family", where=where, got=type(family).__name__, expected="a tokeff Family")
        if (family.modality, family.name) in families:
            raise CardError(
                "takes a name that exists",
                where=where,
                got=f"{family.modality}/{family.name}",
                fix="Rename the family in that package, or uninstall it.",
            )
        families[family.modality, family.name] = family
    return families
