"""How the outcome of a task travels: a byte that says what it is, then the result, a refusal, or a traceback."""

import json
from collections.abc import Callable
from typing import Any

from tokeff import errors
from tokeff.errors import TokeffError

RESULT, REFUSAL, BUG = b"R", b"T", b"B"


class WorkerBug(RuntimeError):
    """A worker raised what it should not: its traceback."""


def answer(work: Callable[[], bytes]) -> bytes:
    """What `work` returns or raises, as bytes."""
    try:
        return RESULT + work()
    except TokeffError as error:
        fields = {name: getattr(error, name, None) for name in ("where", "expected", "got", "fix")}
        texts = {name: None if value is None else str(value) for name, value in fields.items()}
        what = getattr(error, "what", str(error))
        return REFUSAL + json.dumps({"type": type(error).__name__, "what": what, **texts}).encode()
    except Exception:
        import traceback

        return BUG + traceback.format_exc().encode()


def understood(message: bytes) -> bytes:
    """What was returned; raises what was raised."""
    kind, content = message[:1], message[1:]
    if kind == RESULT:
        return content
    if kind == REFUSAL:
        raise _refusal(json.loads(content))
    raise WorkerBug(content.decode())


def _refusal(fields: dict[str, Any]) -> TokeffError:
    kind = getattr(errors, fields.pop("type"), TokeffError)
    if kind.__init__ is not TokeffError.__init__:
        kind = TokeffError
    refusal: TokeffError = kind(fields.pop("what"), **fields)
    return refusal
