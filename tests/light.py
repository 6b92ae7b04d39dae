"""Work without a network, which any worker process imports at once: stands in for `cells.paint_alone`."""

import io
import json
import time
from concurrent.futures import Executor, Future

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from nstlib.scale.workers import Outcome


def paint(settings, content, *styles):
    """A picture of noise; seeds from 900 are bad; `next_steps` is a time in ms."""
    time.sleep(settings.next_steps / 1000)
    if settings.seed >= 900:
        return Outcome(error=f"ValueError: seed {settings.seed} is bad")
    noise = np.random.default_rng(settings.seed).integers(0, 255, (24, 32, 3), np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add_text("nstlib", json.dumps({"curves": {"total": [settings.seed]}, "seconds": 0.5}), zip=True)
    Image.fromarray(noise).save(file := io.BytesIO(), "PNG", pnginfo=info)
    return Outcome(file.getvalue())


def piece(settings, frames, begin, end, overlap, *styles):
    """Each frame as a negative, the first as it is given; `next_steps` is a time in ms a frame."""
    own = frames[:-1] if end else frames
    return [begin if begin and i == 0 else negative(settings, png, i == 0) for i, png in enumerate(own)]


def keyframes(settings, frames, begin, *styles):
    """The ends, as `piece` paints them."""
    return [begin or negative(settings, frames[0], True), negative(settings, frames[-1], False)]


def negative(settings, png, cut):
    time.sleep(settings.next_steps / 1000)
    image = 255 - cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    how = {"cut": cut, "losses": {"total": 1.0}, "steps": 1, "trusted": 0.5, "held": 0.0}
    return cv2.imencode(".png", image)[1].tobytes(), how | {"seconds": 0.1, "motion_seconds": 0.05}


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
