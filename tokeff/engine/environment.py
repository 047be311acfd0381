"""The machine and the libraries that a run used: what a figure's reader needs to repeat it."""

import hashlib
import os
import platform
import sys
from functools import lru_cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "tokeff", "torch", "torchvision", "torchaudio", "transformers", "av", "numpy", "pillow", "soundfile", "pyarrow",
    "fsspec", "tiktoken", "tokenizers", "sentencepiece", "mistral-common", "gigatoken",
)  # fmt: skip
ROOMS = ("maths", "records", "media", "readers", "tokenizers", "measures", "engine")
"""Where a change may change a figure."""


def library_versions() -> dict[str, str | None]:
    """Installed versions, None where a library is absent. Imports none of them."""
    return {name: _version(name) for name in LIBRARIES}


def machine() -> dict[str, Any]:
    """Processor, memory and GPU, as far as the operating system tells."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "n_cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": _gpu(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
    except OSError:
        return platform.processor() or None


def _gpu() -> str | None:
    """The name of the GPU where torch is already in use; asking is no reason to import it."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name(0) if torch is not None and torch.cuda.is_available() else None


@lru_cache(maxsize=1)
def code_digest() -> str:
    """sha256 of the sources and cards that figures rest on beside the libraries."""
    digest = hashlib.sha256()
    house, shelf = (Path(str(resources.files(package))) for package in ("tokeff", "tokenizers_registry"))
    for root in (*(house / room for room in ROOMS), shelf):
        for path in sorted(path for kind in ("*.py", "*.toml") for path in root.rglob(kind)):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
