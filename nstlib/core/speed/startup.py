"""TensorFlow, imported without the lines that its start writes to standard error."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import NstlibError
from ...media import files, limits

ROOM = 0.5e9, 1.2e9  # bytes that TensorFlow takes when it is loaded, and addresses


def load_tensorflow() -> None:
    """Import TensorFlow and let it find its devices, standard error shut: these lines pass its own log level.

    Raises NstlibError where the memory's limit leaves no room for it. A GPU's memory is taken as it is needed, so that
    notebooks do not take the whole card from each other.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if "tensorflow" not in sys.modules:
        _check_room()
    with files.mute(), _uncollected():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("WARNING")  # a module that is saved says so, in red


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is made stays and is not looked through for garbage: TensorFlow's import alone makes a million objects.

    Saves a fifth of the import, and a fifth of a second at each full collection later on.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _check_room() -> None:
    for limit in limits.limits():
        if limit.free < ROOM[limit.virtual]:
            need, free = ROOM[limit.virtual] / 1e9, limit.free / 1e9
            raise NstlibError(
                f"TensorFlow needs {need:.1f} GB, {free:.1f} GB are free of {limit.name}; raise the limit"
            )
