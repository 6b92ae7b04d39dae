"""Work without a network, which any worker process imports at once: stands in for `cells.paint_alone`."""

import io
import json
import time
from concurrent.futures import Executor, Future

import numpy as np
from PIL import Image, PngImagePlugin

from nstlib.workers import Made


def paint(settings, content, *styles):
    """A picture of noise; seeds from 900 are bad; `next_steps` is a time in ms."""
    time.sleep(settings.next_steps / 1000)
    if settings.seed >= 900:
        return Made(error=f"ValueError: seed {settings.seed} is bad")
    noise = np.random.default_rng(settings.seed).integers(0, 255, (24, 32, 3), np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add_text("nstlib", json.dumps({"curves": {"total": [settings.seed]}, "seconds": 0.5}), zip=True)
    Image.fromarray(noise).save(file := io.BytesIO(), "PNG", pnginfo=info)
    return Made(file.getvalue())


class Here(Executor):
    """Works at once, in this process; takes `count` tasks, and is then lost."""

    def __init__(self, count=10**9):
        self.left, self.seen, self.most, self.waiting = count, [], 0, 0

    def submit(self, fn, *args):
        if not self.left:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self.left -= 1
        self.seen.append(args)
        future = Future()
        future.set_result(fn(*args))
        return future
