"""The demo: the bundled clip's frame in each bundled style, with records and a figure."""

from pathlib import Path

from tqdm.auto import tqdm

from . import images, plots, records, samples
from .errors import NstlibError
from .settings import Settings
from .stylize import Run

FRAME = 30  # of the bundled clip


def demo(folder: Path, settings: Settings | None = None) -> list[Path]:
    """Write pictures, records and a figure to the folder, printing where. Returns their paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NstlibError(f"{folder} cannot be made: {error.strerror}") from None
    settings = settings or Settings()
    content = images.save(folder / "frame.png", samples.frame(FRAME))
    shown, written = {"frame": images.load(content, size=settings.size)}, []
    for name, style in samples.styles().items():
        run = Run(content, style, settings)
        for _ in tqdm(run, total=run.total_steps, desc=name, unit="step", leave=False, dynamic_ncols=True):
            pass
        written.append(images.save(folder / f"{name}.png", run.image, record=records.record(run)))
        shown[name] = run.image
    figure = plots.pictures(shown, columns=2, title=f"The bundled frame in three styles ({settings.extractor})")
    plots.save(figure, folder / "styles.png")
    plots.save(plots.loss_curves(run.curves, title=f"Losses of {name}"), folder / "curves.png")
    written += [folder / "styles.png", folder / "curves.png"]
    print("\n".join(map(str, written)))
    return written
