"""The arithmetic that this processor is best at."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import tensorflow as tf

from ...settings import Settings

INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}  # products of bfloat16 numbers, by Linux's names
CPU = Path("/proc/cpuinfo")


def resolved(settings: Settings) -> Settings:
    """The settings with precision auto resolved: mixed on a processor with bfloat16 products, float32 elsewhere.

    Without them bfloat16 is slower than float32; on a GPU float32 is TensorFlow's own choice of arithmetic.
    """
    if settings.precision != "auto":
        return settings
    mixed = has_bfloat16() and not tf.config.list_physical_devices("GPU")
    return replace(settings, precision="mixed" if mixed else "float32")


@lru_cache
def has_bfloat16() -> bool:
    """Whether the processor says that it has bfloat16 products; False where it cannot be asked."""
    return CPU.is_file() and not INSTRUCTIONS.isdisjoint(CPU.read_text().split())
