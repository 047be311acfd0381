"""Where laws are found by name: the built-in ones, and a user's own fitted ones.

Own laws are `<name>.json` in the working directory or in a folder of $TOKEFF_LAWS. Leaves out their format
(`tokeff.laws.store`).
"""

import os
from pathlib import Path

from tokeff.errors import NotFound, TokeffError
from tokeff.laws import Law, load, names

VARIABLE = "TOKEFF_LAWS"


def folders() -> tuple[Path, ...]:
    """The working directory, then the folders of $TOKEFF_LAWS."""
    listed = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return (Path(), *listed)


def find(name: str) -> Law:
    """A law by name or path. Raises NotFound with close names, own ones among them, and where was looked."""
    try:
        return load(name, folders=folders())
    except NotFound as error:
        known = {*names(), *(law.name for law in own())}
        files = [folder / f"{name}{ending}" for folder in folders() for ending in ("", ".json", ".toml")]
        if name not in known and not any(path.is_file() for path in files):
            looked = (
                f"Own laws: NAME.json here or in ${VARIABLE}; or the path of the file. `tokeff laws list` shows all."
            )
            raise NotFound.among("law", name, known, fix=looked) from error
        raise


def own() -> list[Law]:
    """The user's laws in those folders; other JSON files are passed over."""
    found: dict[str, Law] = {}
    for path in (path for folder in folders() for path in sorted(folder.glob("*.json"))):
        try:
            law = load(path)
        except (TokeffError, OSError, UnicodeDecodeError):
            continue
        found.setdefault(law.name, law)
    return list(found.values())


def refuse_taken(name: str) -> None:
    """Raises TokeffError where a built-in law has this name."""
    if name in names():
        raise TokeffError("a built-in law has this name", where="--name", got=name, fix="Choose another.")
