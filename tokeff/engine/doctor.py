"""The examination: what this machine can do, what is missing and how to get it. Leaves out printing."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokeff.engine.environment import library_versions, machine
from tokeff.errors import TokeffError
from tokeff.tokenizers.artefacts import find_artefact
from tokeff.tokenizers.registry import Registry

CODECS = ("libx264", "libopus", "ffv1", "libvpx-vp9", "libsvtav1", "libwebp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `remedy` says how to get what is missing."""

    subject: str
    good: bool
    state: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything looked at, by section."""

    machine: dict[str, Any]
    sections: dict[str, tuple[Finding, ...]]


def examine(folders: Sequence[Path] = ()) -> Examination:
    """Look at device, libraries, codecs and the artefacts of every card; nothing is downloaded."""
    sections = {
        "device": (_cuda(),),
        "libraries": tuple(_libraries()),
        "codecs": tuple(_codecs()),
        "vocabularies and weights": tuple(_artefacts(Registry.load(folders))),
    }
    return Examination(machine=machine(), sections=sections)


def _cuda() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding(subject="cuda", good=True, state=torch.cuda.get_device_name(0))
    built = torch.version.cuda
    return Finding(
        subject="cuda",
        good=False,
        state=f"no GPU is visible to torch {torch.__version__}; everything runs on the CPU",
        remedy="" if built else "This torch is built without CUDA: install the CUDA build of the same version.",
    )


def _libraries() -> list[Finding]:
    return [
        Finding(
            subject=name,
            good=version is not None,
            state=version or "not installed",
            remedy="" if version else f"pip install {name}",
        )
        for name, version in library_versions().items()
    ]


def _codecs() -> list[Finding]:
    import av

    return [
        Finding(
            subject=name,
            good=name in av.codecs_available,
            state="there" if name in av.codecs_available else "not in this build of PyAV",
            remedy="" if name in av.codecs_available else "pip install --upgrade av",
        )
        for name in CODECS
    ]


def _artefacts(registry: Registry) -> list[Finding]:
    findings = [_artefact_folders()]
    for card in registry.cards.values():
        if card.artefact is None:
            continue
        try:
            path = find_artefact(card, fetch=False)
        except TokeffError:
            where = card.artefact.hub or card.artefact.file or card.artefact.library
            findings.append(Finding(subject=card.name, good=False, state=f"not on this machine: {where}"))
        else:
            findings.append(Finding(subject=card.name, good=True, state=str(path)))
    return findings


def _artefact_folders() -> Finding:
    folders = os.environ.get("TOKEFF_ARTEFACTS", "")
    return Finding(
        subject="$TOKEFF_ARTEFACTS",
        good=bool(folders),
        state=folders or "not set",
        remedy="What is not on this machine is fetched when it is used; offline, put files of these names (or "
        "OWNER/NAME/ of a hub id) into folders and name the folders in this variable.",
    )
