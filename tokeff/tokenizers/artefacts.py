"""Artefacts: the vocabulary or weights file that a card names, wherever it may lie, its sha256 checked on every read.

Looked for in this order: the path as given, the folders of $TOKEFF_ARTEFACTS, an installed package, the caches of
tiktoken and huggingface_hub, and last the net, through those libraries. Leaves out what is in the file, and models
of several files, which their library loads by hub id.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tokeff.errors import ArtefactInvalid, ArtefactMissing
from tokeff.records.cards import Artefact, Card

FOLDERS_VARIABLE = "TOKEFF_ARTEFACTS"
MAX_DEPTH = 6
MAX_ENTRIES = 50_000
"""Bounds of the search in one folder: a home folder named by mistake must not cost minutes."""
REACH_SECONDS = 5.0
TIKTOKEN_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


def find_artefact(card: Card, *, names: Sequence[str] = (), fetch: bool = True) -> Path:
    """The file or directory of a card's artefact.

    `names` are the files by which a hub repository may hold it, best first. A card with a hash and a hub id declares
    the hash of its `file`, another copy: a hub repository is what its id says. Without `fetch` only this machine is
    looked at. Raises ArtefactMissing, which lists every place that was looked at, and ArtefactInvalid where only
    files of another content were found.
    """
    if card.artefact is None:
        raise ArtefactMissing("the card declares no artefact", where=f"tokenizer {card.name}")
    search = _Search(card=card, artefact=card.artefact, names=_hub_names(card.artefact, names))
    here = (search.as_given, search.in_folders, search.in_package, search.in_tiktoken_cache, search.in_hub_cache)
    net = (search.from_tiktoken, search.from_hub)
    by_id = (search.in_hub_cache, search.from_hub)
    for place in (*here, *net) if fetch else here:
        for path in place():
            if (place in by_id and card.artefact.file) or search.accepts(path):
                return path
    search.refuse()


def _hub_names(artefact: Artefact, names: Sequence[str]) -> tuple[str, ...]:
    return (artefact.file,) if artefact.file and not artefact.sha256 else tuple(names)


@dataclass(slots=True)
class _Search:
    """One search: what was looked at, and what had the right name but another content."""

    card: Card
    artefact: Artefact
    names: tuple[str, ...]
    looked: list[str] = field(default_factory=list)
    wrong: list[tuple[Path, str]] = field(default_factory=list)

    def accepts(self, path: Path) -> bool:
        """Whether the content is what the card declares; a directory cannot be declared and is taken."""
        if path.is_dir() or self.artefact.sha256 is None:
            return True
        n_bytes = path.stat().st_size
        if self.artefact.n_bytes not in (None, n_bytes):
            self.wrong.append((path, f"{n_bytes} bytes"))
            return False
        found = sha256_of(path)
        if found != self.artefact.sha256:
            self.wrong.append((path, found))
        return found == self.artefact.sha256

    def as_given(self) -> Iterator[Path]:
        """`file`, where it is a path that exists."""
        if self.artefact.file:
            path = Path(self.artefact.file).expanduser()
            self.looked.append(str(path))
            if path.exists():
                yield path
        elif self.artefact.hub and ":" in self.card.name:  # of a specification, which could have meant a path
            self.looked.append(f"./{self.artefact.hub}")

    def in_folders(self) -> Iterator[Path]:
        """Folders of $TOKEFF_ARTEFACTS: by file name where a hash tells it apart, by OWNER/NAME where a hub id does."""
        folders = os.environ.get(FOLDERS_VARIABLE)
        if not folders:
            self.looked.append(f"${FOLDERS_VARIABLE} (not set)")
            return
        for folder in map(Path, filter(None, folders.split(os.pathsep))):
            self.looked.append(f"{folder} (${FOLDERS_VARIABLE}{'' if folder.is_dir() else ', not a folder'})")
            if self.artefact.sha256:
                yield from _walk(folder.expanduser(), self._file_names())
            elif self.artefact.hub:
                places = (folder / self.artefact.hub, folder / self.artefact.hub.rpartition("/")[2])
                yield from (place / name for place in places for name in self.names if (place / name).is_file())

    def in_package(self) -> Iterator[Path]:
        """A file inside an installed package, which is not imported."""
        if not self.artefact.package:
            return
        module, _, rest = self.artefact.package.partition("/")
        spec = find_spec(module)
        self.looked.append(f"package {module} ({'installed' if spec else 'not installed'}): {rest}")
        for root in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(root) / rest).is_file():
                yield Path(root) / rest

    def in_tiktoken_cache(self) -> Iterator[Path]:
        """What tiktoken fetched before."""
        if self.artefact.library:
            path = tiktoken_cache_path(self.artefact.library)
            self.looked.append(f"tiktoken's cache: {path or 'switched off'}")
            if path and path.is_file():
                yield path

    def in_hub_cache(self) -> Iterator[Path]:
        """What huggingface_hub fetched before."""
        if self.artefact.hub:
            from huggingface_hub import constants, try_to_load_from_cache

            self.looked.append(f"the hub's cache of {self.artefact.hub}: {constants.HF_HUB_CACHE}")
            for name in self.names:
                cached = try_to_load_from_cache(self.artefact.hub, name)
                if isinstance(cached, str):
                    yield Path(cached)

    def from_tiktoken(self) -> Iterator[Path]:
        """Fetched by tiktoken, once its server answers."""
        if self.artefact.library:
            yield from _fetch_ranks(self.artefact.library, self.artefact.sha256, self.looked)

    def from_hub(self) -> Iterator[Path]:
        """Fetched by huggingface_hub, once its server answers: its own retries take 20 s."""
        if self.artefact.hub:
            yield from _fetch_from_hub(self.artefact.hub, self.names, self.looked)

    def refuse(self) -> NoReturn:
        """Raise the refusal that fits."""
        where = f"tokenizer {self.card.name}"
        if self.wrong:
            found = ", ".join(f"{path} with {what}" for path, what in self.wrong)
            raise ArtefactInvalid(
                "the artefact has another content than the card declares",
                where=where,
                got=found,
                expected=f"sha256 {self.artefact.sha256}",
                fix="Replace or remove these files: they are damaged or of another version.",
            )
        raise ArtefactMissing(
            f"the artefact {self._title()} is nowhere to be had",
            where=where,
            got="nothing at: " + "; ".join(self.looked),
            expected=f"sha256 {self.artefact.sha256}" if self.artefact.sha256 else None,
            fix=self._ways_out(),
        )

    def _file_names(self) -> set[str]:
        """Names by which a folder may hold the file."""
        library = f"{self.artefact.library}.tiktoken" if self.artefact.library else None
        from_hub = self.names if self.artefact.hub else ()
        return {Path(name).name for name in (self.artefact.file, self.artefact.package, library, *from_hub) if name}

    def _title(self) -> str:
        if self.artefact.hub:
            return f"{' or '.join(self.names)} of {self.artefact.hub}"
        return " or ".join(sorted(self._file_names()))

    def _ways_out(self) -> str:
        if self.artefact.hub:
            return (
                f"Put it at {self.artefact.hub}/{self.names[0] if self.names else ''} inside a folder and name that "
                f"folder in ${FOLDERS_VARIABLE}; or go online; where it is gated: accept its terms, `hf auth login`."
            )
        return f"Put it into a folder and name that folder in ${FOLDERS_VARIABLE}; or go online."


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tiktoken_cache_path(name: str) -> Path | None:
    """Where tiktoken keeps the rank file of an encoding, or None where its cache is switched off."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        folder = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    key = hashlib.sha1(TIKTOKEN_URL.format(name).encode(), usedforsecurity=False).hexdigest()
    return Path(folder) / key if folder else None


def _walk(folder: Path, names: set[str]) -> Iterator[Path]:
    """Files of one of the `names` in `folder`, nearest first, within the bounds; hidden folders are passed over."""
    level, n_entries = [folder], 0
    for _ in range(MAX_DEPTH):
        below: list[Path] = []
        for place in level:
            for entry in sorted(_entries(place), key=lambda entry: entry.name):
                n_entries += 1
                if entry.name in names and entry.is_file():
                    yield Path(entry.path)
                elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
            if n_entries > MAX_ENTRIES:
                return
        level = below


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # not a folder, or not ours to read: the refusal says that it was looked at
        return []


def _unreachable(url: str) -> str | None:
    """Why the server of `url` does not answer, or None where it does. Proxies of the environment are used."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=REACH_SECONDS):
            return None
    except HTTPError:
        return None
    except OSError as error:
        return str(getattr(error, "reason", error))


def _fetch_ranks(name: str, sha256: str | None, looked: list[str]) -> Iterator[Path]:
    from tiktoken.load import read_file_cached

    url = TIKTOKEN_URL.format(name)
    reason = _unreachable(url)
    if reason is None:
        try:
            read_file_cached(url, sha256)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong hash is a ValueError
            reason = str(error)
    looked.append(f"{url} ({reason or 'fetched'})")
    path = tiktoken_cache_path(name)
    if reason is None and path and path.is_file():
        yield path


def _fetch_from_hub(hub: str, names: Sequence[str], looked: list[str]) -> Iterator[Path]:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if constants.HF_HUB_OFFLINE:
        looked.append("the hub (switched off by HF_HUB_OFFLINE)")
        return
    reason = _unreachable(constants.ENDPOINT)
    if reason is not None:
        looked.append(f"{constants.ENDPOINT} ({reason})")
        return
    for name in names:
        try:
            yield Path(hf_hub_download(hub, name))
        except LocalEntryNotFoundError as error:  # an EntryNotFoundError by descent, but it means: cannot be fetched
            looked.append(f"{constants.ENDPOINT}/{hub}/{name} ({error.__cause__ or error})")
            return
        except EntryNotFoundError:
            looked.append(f"{constants.ENDPOINT}/{hub}/{name} (no such file there)")
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            looked.append(f"{constants.ENDPOINT}/{hub} ({' '.join(str(error).split())[:200]})")
            return
