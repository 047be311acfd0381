"""Every error that tokeff raises on purpose.

    TokeffError                 a refusal that a person can act on
    ├── NotFound                a name or path that is not there (close names are suggested)
    ├── CardError               one card is malformed
    ├── CardErrors              several problems in cards, reported together
    ├── SpecError               a tokenizer specification cannot be read
    ├── ArtefactMissing         a vocabulary or weights file is nowhere to be had
    ├── ArtefactInvalid         it is there, but is not what it should be
    ├── DeviceUnavailable       the device asked for is not on this machine
    ├── EngineMismatch          a fast engine and its reference give different ids
    ├── RunError                a run directory cannot be used
    ├── InsufficientData        too little to estimate what was asked
    ├── LawError                a scaling law cannot be used so
    └── ItemError               one item of the corpus cannot be measured: it is quarantined, the run goes on

Each message says what is wrong, where, what was got, what was expected and what to do next. Errors of
other libraries are translated where they arise, `from` the original.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class TokeffError(Exception):
    """A refusal that a person can act on. Only `what` is required; the rest is shown where it is given."""

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: object = None,
        fix: str | None = None,
    ) -> None:
        self.what, self.where, self.got, self.expected, self.fix = what, where, got, expected, fix
        parts = [f"{where}: {what}" if where else what]
        parts += [f"got {got}"] * (got is not None)
        parts += [f"expected {expected}"] * (expected is not None)
        super().__init__("; ".join(parts) + (f". {fix}" if fix else ""))


class NotFound(TokeffError):
    """A name or path that is not there."""

    @classmethod
    def among(cls, kind: str, name: str, names: Iterable[str], *, fix: str | None = None) -> "NotFound":
        """An unknown `name` of some `kind`, with the closest of the known `names` suggested."""
        known = sorted(names)
        close = get_close_matches(name, known, n=3, cutoff=0.5)
        advice = f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known[:12]) or 'none'}."
        return cls(f"there is no {kind} named {name!r}", fix=f"{advice} {fix or ''}".strip())


class CardError(TokeffError):
    """One card is malformed."""


class CardErrors(TokeffError):
    """Several problems in cards, reported together."""

    def __init__(self, problems: Sequence[CardError]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class SpecError(TokeffError):
    """A tokenizer specification cannot be read."""


class ArtefactMissing(TokeffError):
    """A vocabulary or weights file is nowhere to be had."""


class ArtefactInvalid(TokeffError):
    """A vocabulary or weights file is not what it should be."""


class ExtraMissing(TokeffError):
    """An optional library is not installed."""

    @classmethod
    def of(cls, library: str, extra: str, *, where: str | None = None) -> "ExtraMissing":
        """With the command that installs it."""
        return cls(f"the library {library} is not installed", where=where, fix=f"pip install 'tokeff[{extra}]'")


class DeviceUnavailable(TokeffError):
    """The device asked for is not on this machine."""


class EngineMismatch(TokeffError):
    """A fast engine and its reference give different ids for the same text."""


class RunError(TokeffError):
    """A run directory cannot be used."""


class InsufficientData(TokeffError):
    """Too little data to estimate what was asked."""


class LawError(TokeffError):
    """A scaling law cannot be used in this way."""


class ItemError(TokeffError):
    """One item cannot be measured. `reason` is a short code (`truncated`, `not_utf8`, ...) that is counted."""

    def __init__(
        self,
        reason: str,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: object = None,
        fix: str | None = None,
    ) -> None:
        self.reason = reason
        super().__init__(what, where=where, got=got, expected=expected, fix=fix)
