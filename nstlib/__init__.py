"""Neural style transfer on images and videos: `import nstlib as nst`, and `nst.` with Tab is the table of contents.

>>> picture = nst.stylize(nst.samples.frame(30), nst.samples.styles()["ink"], size=64, steps=4)
>>> figure = nst.show({"the frame": nst.samples.frame(30), "in ink": picture})
"""

# isort: skip_file
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:  # The face: what stands here is imported when it is first asked for, and TensorFlow only with it.
    # in one call
    from .engines.frames import stylize as stylize
    from .video.film import stylize_video as stylize_video
    from .engines.records import replay as replay
    from .scale.sweeps import sweep as sweep

    # what to choose
    from .settings import Settings as Settings
    from .settings import STYLE_LAYERS as STYLE_LAYERS
    from .errors import NstlibError as NstlibError

    # pictures and clips, in and out
    from . import samples as samples
    from .media.images import load as load
    from .media.images import save as save
    from .media.images import resize as resize
    from .media.images import read_record as read_record
    from .media.clips import probe as probe
    from .media.clips import read_frames as read_frames
    from .media.clips import write_frames as write_frames

    # the method
    from .core.run import Run as Run
    from .core.styles import Styles as Styles
    from .core.features import load_extractor as load_extractor
    from .core.losses import gram_matrix as gram_matrix
    from .core.losses import content_loss as content_loss
    from .core.losses import style_loss as style_loss
    from .core.losses import total_variation_loss as total_variation_loss
    from .core.losses import temporal_loss as temporal_loss
    from .core.model import StyleContentModel as StyleContentModel
    from .core.bilateral import tones as tones
    from .core.optimize import Adam as Adam
    from .core.speed.lbfgs import LBFGS as LBFGS

    # engines
    from .engines.frames import begin as begin
    from .engines.hub import load_module as load_module
    from .engines.records import record as record
    from .engines.cube import save_cube as save_cube
    from .engines.lessons import learn as learn
    from .engines.lessons import Lesson as Lesson
    from .engines.lessons import FramePair as FramePair
    from .video.pairs import frame_pairs as frame_pairs

    # motion, and clips that hold together
    from .video.film import Film as Film
    from .video.photo_film import PhotoFilm as PhotoFilm
    from .video.flow import optical_flow as optical_flow
    from .video.flow import warp as warp
    from .video.flow import trusted as trusted
    from .video.flow import reliability as reliability
    from .video.flow import end_point_error as end_point_error
    from .video.flow import read_flo as read_flo
    from .video.flow import write_flo as write_flo

    # measures
    from .research.comparison import compare as compare
    from .research.metrics import measure as measure
    from .research.metrics import motion_of as motion_of
    from .research.metrics import warping_error as warping_error
    from .research.metrics import ssim as ssim
    from .research.metrics import sharpness as sharpness

    # figures
    from .research.plots import show as show
    from .research.plots import show_features as show_features
    from .research.plots import show_gram_matrices as show_gram_matrices
    from .research.plots import loss_curves as loss_curves
    from .research.plots import frame_curves as frame_curves
    from .research.plots import warping_curves as warping_curves
    from .research.plots import show_flow as show_flow
    from .research.plots import flow_colors as flow_colors
    from .research import paper as paper
    from .research.exercises import check as check

    # panels, and past one machine
    from .studio.panel import Studio as Studio
    from .studio.grid import Grid as Grid
    from .studio.live import Live as Live
    from .scale.films import DistributedFilm as DistributedFilm
    from .scale.cluster import DaskExecutor as DaskExecutor

else:

    def __getattr__(name: str) -> Any:
        """What the face has under this name (PEP 562)."""
        homes = _homes()
        if name == "__all__":
            return list(homes)
        if name not in homes:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home, original = homes[name]
        if home:
            found = getattr(__import__(home, globals(), None, [original], 1), original)
        else:
            found = import_module(f".{original}", __name__)  # a room
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted([*_homes(), "__version__"])


def _homes() -> dict[str, tuple[str | None, str]]:
    """{name: (its module, its name there)}, read from the imports above, so that each name stands once."""
    import ast  # here, as pathlib, so that `import nstlib` stays light
    from pathlib import Path

    tree = ast.parse(Path(__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {alias.asname or alias.name: (node.module, alias.name) for node in imports for alias in node.names}
