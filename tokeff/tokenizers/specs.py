"""Specifications: what stands after `-t`. A card's name, or `family:source`, each with `?key=value&key=value`.

    gpt2                              a card
    jpeg-q75?quality=40               a card with a parameter changed
    bpe:./tokenizer.json              a family and its artefact: file, directory or hub id
    audio/codec-bytes:opus?bitrate=…  the modality, where two families share a name

A changed or ad-hoc tokenizer is named by its whole specification, so that two of them are never confused.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tokeff.errors import CardError, CardErrors, NotFound, SpecError
from tokeff.records.cards import Artefact, Card, ParameterValue
from tokeff.tokenizers.cards import Families, check_value, with_hash
from tokeff.tokenizers.families import Family, Parameter


def card_of_spec(spec: str, named: Callable[[str], Card], families: Families) -> Card:
    """The card that a specification means. Raises SpecError, NotFound or CardErrors."""
    head, _, query = spec.partition("?")
    place, colon, source = head.partition(":")
    if not colon:
        card = named(head)
        family = families[card.modality, card.family]
    else:
        family = _family(place, families, spec)
        card = _ad_hoc_card(family, source, spec)
    overrides = _overrides(query, family, spec)
    if not colon and not overrides:
        return card
    return with_hash(replace(card, name=spec, aliases=(), parameters={**card.parameters, **overrides}))


def with_parameter(spec: str, name: str, value: str, named: Callable[[str], Card], families: Families) -> str | None:
    """The specification with one parameter more; as it is where it has it already; None where its family has none.

    Raises as `card_of_spec` does.
    """
    card = card_of_spec(spec, named, families)
    if name not in families[card.modality, card.family].parameters:
        return None
    _, mark, query = spec.partition("?")
    if any(pair.partition("=")[0] == name for pair in query.split("&")):
        return spec
    return f"{spec}{'&' if query else '' if mark else '?'}{name}={value}"


def _family(place: str, families: Families, spec: str) -> Family:
    modality, _, name = place.rpartition("/")
    found = [f for (m, n), f in families.items() if n == name and (modality == m or not (modality or f.needs_modality))]
    if not found:
        names = sorted({n for _, n in families} | {f"{m}/{n}" for m, n in families})
        raise NotFound.among("family", place, names, fix=f"In the specification {spec!r}.")
    if len(found) > 1:
        choices = " or ".join(f"{family.modality}/{spec}" for family in found)
        raise SpecError("this family exists in several modalities", where=spec, fix=f"Write {choices}.")
    return found[0]


def _ad_hoc_card(family: Family, source: str, spec: str) -> Card:
    parameters: Mapping[str, ParameterValue] = {}
    artefact = None
    if family.takes_artefact:
        if not source:
            raise SpecError("no source after the colon", where=spec, expected="a file, a directory or a hub id")
        artefact = _artefact_of_source(source, spec)
    elif source:
        parameters = family.parse_source(source)
    summary = f"{family.name} of {source}" if source else family.summary
    return Card(
        name=spec,
        modality=family.modality,
        family=family.name,
        parameters=parameters,
        artefact=artefact,
        summary=summary,
    )


def _artefact_of_source(source: str, spec: str) -> Artefact:
    path = Path(source).expanduser()
    if path.exists():
        return Artefact(file=str(path))
    looks_like_path = source.startswith((".", "/", "~")) or source.count("/") > 1 or path.suffix in _FILE_SUFFIXES
    if looks_like_path:
        raise NotFound("there is no file or directory here", where=source, fix=f"In the specification {spec!r}.")
    return Artefact(hub=source)


_FILE_SUFFIXES = {".json", ".model", ".tiktoken", ".safetensors", ".v1", ".v2", ".v3"}


def _overrides(query: str, family: Family, spec: str) -> dict[str, ParameterValue]:
    problems: list[CardError] = []

    def report(name: str, what: str, *, got: object = None, expected: object = None) -> None:
        problems.append(CardError(what, where=f"{spec}: {name}", got=got, expected=expected))

    overrides: dict[str, ParameterValue] = {}
    given: set[str] = set()
    for pair in filter(None, query.split("&")):
        name, equals, text = pair.partition("=")
        if not equals:
            raise SpecError("not key=value", where=spec, got=pair)
        if name not in family.parameters:
            raise NotFound.among(f"parameter of the family {family.name}", name, family.parameters, fix=f"In {spec!r}.")
        if name in given:
            raise SpecError(f"{name} is given twice", where=spec, got=query, expected="each parameter once")
        given.add(name)
        value = check_value(name, _typed(text, family.parameters[name]), family.parameters[name], report)
        if value is not None:
            overrides[name] = value
    if problems:
        raise CardErrors(problems)
    return overrides


def _typed(text: str, parameter: Parameter) -> object:
    """`text` as the parameter's type where it can be read so, else as it stands (the check then refuses it)."""
    if parameter.type is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if parameter.type is tuple:
        return tuple(text.split(","))
    try:
        value: object = parameter.type(text)
    except ValueError:
        value = text
    return value
