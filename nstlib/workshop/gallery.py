"""The README's pictures and clip, from the bundled samples: `make gallery` writes data/gallery/."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm.auto import tqdm

from .. import samples
from ..cli.demo import in_each_style
from ..core.run import Run
from ..errors import NstlibError
from ..media import clips, images
from ..research import metrics, plots
from ..settings import Settings
from ..video.film import Film

FRAME = 30  # of the bundled clip
STYLE = "whirls"  # the clip's
FACE = 0.15  # the content weight at which one is recognised
CLIP = Settings(size=288, steps=150)  # three abreast


def gallery(folder: Path, settings: Settings | None = None, *, clip: Settings = CLIP, frames: int = 16) -> list[Path]:
    """Write styles.jpg, portrait.jpg, night.jpg, clip.webp and steadiness.png to the folder. Returns their paths.

    settings: of the pictures; clip: of the clip; frames: how many, every second of the bundled clip's. Raises
    NstlibError where the folder does not exist.
    """
    if not folder.is_dir():
        raise NstlibError(f"{folder} is no folder; make it first")
    settings = settings or Settings()
    face = replace(settings, content_weight=FACE)
    return [
        pictures(folder / "styles.jpg", samples.frame(FRAME), "a frame of the bundled clip", settings, columns=2),
        pictures(folder / "portrait.jpg", images.load(samples.photograph()), "a photograph", face, columns=4),
        at_night(folder / "night.jpg", settings),
        *beside(folder / "clip.webp", folder / "steadiness.png", clip, frames),
    ]


def pictures(path: Path, content: np.ndarray, name: str, settings: Settings, *, columns: int) -> Path:
    """The content and what becomes of it in each bundled style, as one figure."""
    shown = {name: images.load(content, size=settings.size)}
    shown |= {style: run.image for style, run in in_each_style(content, settings)}
    plots.save(plots.show(shown, columns=columns), path)
    return path


def at_night(path: Path, settings: Settings) -> Path:
    """A frame of the bundled clip, the drawn night, and the frame in its light, as one figure."""
    evening, night = samples.frame(FRAME), samples.night()
    lit = Run(evening, night, Settings(rendering="photo", size=settings.size)).finish()
    shown = {"an evening": images.load(evening, size=settings.size), "a night": night, "the evening, in its light": lit}
    plots.save(plots.show(shown), path)
    return path


def beside(path: Path, figure: Path, settings: Settings, frames: int) -> list[Path]:
    """The bundled clip, its frames stylised each by itself, and each from the one before; their warping errors."""
    source = clips.probe(samples.clip(), every=2, size=settings.size)
    source = replace(source, picks=source.picks[:frames])
    content, motion = list(clips.read_frames(source)), metrics.motion_of(source)
    films, measured = [content], {}
    with TemporaryDirectory() as folder:
        for kind, name in (("independent", "each by itself"), ("steady", "steady")):
            its = replace(settings, consistency=kind)
            film = Film(source, samples.styles()[STYLE], Path(folder) / f"{kind}.mp4", its)
            films.append([f.image for f in tqdm(film, total=film.total, desc=kind, leave=False, dynamic_ncols=True)])
            measured[name] = metrics.measure(content, films[-1], motion=motion)
    rows = map(np.hstack, zip(*films, strict=True))
    plots.save(plots.warping_curves(measured), figure)
    return [clips.write_frames(path, rows, fps=source.fps).path, figure]


if __name__ == "__main__":
    print("\n".join(map(str, gallery(Path("data/gallery")))))
