"""TensorFlow, imported without the lines that its start writes to standard error."""

import os
import sys


def load_tensorflow() -> None:
    """Import TensorFlow and let it find its devices, standard error shut: these lines pass its own log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
