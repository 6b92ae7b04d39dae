"""`python -m nstlib.bench._peak ours|recipe|print SIDE STEPS`: a process's peak memory, printed in bytes.

ours, recipe: steps of either on VGG19's layout. print: compact's run where 8 GB are free, which chooses its own tiles.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

from .. import images, memory, samples
from ..quiet import load_tensorflow
from ..settings import Settings


def main(kind: str, side: int, steps: int) -> int:
    """Take the steps; the peak in bytes."""
    load_tensorflow()
    from ..stylize import Run
    from ._recipe import Recipe

    if kind == "print":
        memory.psutil = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=8e9))
    extractor = "compact" if kind == "print" else "random"
    settings = Settings(extractor=extractor, size=side, scales=1, steps=steps)
    run = Run(images.resize(samples.frame(30), (side, side)), samples.styles()["whirls"], settings)
    if kind == "recipe":
        Recipe(run).train(steps - 1)
    else:
        run.finish()
    return high_water()


def high_water() -> int:
    """This process's own peak, bytes, from Linux's /proc; `ru_maxrss` would count the process that started it too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
