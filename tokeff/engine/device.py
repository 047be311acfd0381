"""Which device computes: `auto`, `cpu` or `cuda`, resolved once per run."""

from typing import Literal, get_args

from tokeff.errors import DeviceUnavailable

Device = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


def resolve_device(wanted: Device) -> str:
    """`cpu` or `cuda`. Raises DeviceUnavailable where CUDA is asked for and absent."""
    if wanted not in DEVICES:
        raise DeviceUnavailable("not a device", where="--device", got=wanted, expected="one of " + ", ".join(DEVICES))
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise DeviceUnavailable(
            "no CUDA device is there",
            where="--device cuda",
            got=f"torch {torch.__version__}, built for CUDA {torch.version.cuda or 'none'}",
            expected="a GPU that torch can see",
            fix="Use --device cpu or auto; `tokeff doctor` tells what is missing.",
        )
    return "cpu"
