"""Fixtures that every floor uses: where the shared corpora are, whether a GPU is there."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Threads that wait by spinning take the cores from each other; read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# A busy machine is no failure.
settings.register_profile("tokeff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tokeff")

SHARED = Path(os.environ.get("TOKEFF_SHARED", Path(__file__).parents[2] / "shared"))
if (SHARED / "vocab").is_dir():
    os.environ.setdefault("TOKEFF_ARTEFACTS", str(SHARED / "vocab"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora, vocabularies and tables; skips where it is absent."""
    if not (SHARED / "corpora").is_dir():
        pytest.skip("the shared corpora are not here: set TOKEFF_SHARED to their folder")
    return SHARED


@pytest.fixture(scope="session")
def cuda() -> str:
    """The CUDA device; skips where there is none, fails where TOKEFF_REQUIRE_CUDA=1 says there must be one."""
    import torch

    if not torch.cuda.is_available():
        if os.environ.get("TOKEFF_REQUIRE_CUDA") == "1":
            pytest.fail("TOKEFF_REQUIRE_CUDA=1, but no CUDA device is there")
        pytest.skip("no CUDA device")
    return "cuda"
