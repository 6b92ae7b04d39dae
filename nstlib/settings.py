"""The one table of knobs: every setting with its default, range, choices and help text.

The command line's flags, the studio's widgets, a sweep's axes and a saved record are made from it.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from .errors import NstlibError, choose

RENDERINGS = ("painting", "photo")
ENGINES = ("optimise", "hub")
EXTRACTORS = ("compact", "vgg19", "random")
CONVENTIONS = ("relative", "tutorial", "gatys")
RECIPES = CONVENTIONS[1:]  # of the tutorial and of the paper, which are followed to the letter
STYLE_LOSSES = ("gram", "wasserstein", "moments", "remd")
STARTS = ("content", "noise", "style", "compact", "instant")
MOTION = {"optimise": "fine", "hub": "medium"}  # what auto means: as accurate as a frame's time allows
STYLE_LAYERS = tuple(f"block{i}_conv1" for i in range(1, 6))

# What a weight of None means: each convention's own (content, style, total variation). `tutorial` are the tutorial's;
# `gatys` has the α/β = 1e-3 of Gatys et al. 2016, figure 3, scaled so that β = 1000.
DEFAULT_WEIGHTS = {"relative": (0.03, 1.0, 0.06), "tutorial": (1e4, 1e-2, 30.0), "gatys": (1.0, 1e3, 0.0)}
PHOTO_WEIGHTS = (1.0, 1.0, 0.0)  # the grid's smoothness, not total variation, is what keeps it from noise


def knob(default: Any, text: str, *, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A dataclass field with its help text and range.

    more: choices, a tuple of names; log, a slider's scale; steer, a run can take it up midway; video, it matters to
    videos alone; kind, `layers` for names of layers; zero, 0 is allowed too; photo, recipe, what a photograph has, and
    a painting in another convention than `relative`, where nothing is given.
    """
    usual = {"painting": default} | {kind: more.pop(kind, default) for kind in ("photo", "recipe")}
    left = default if len(set(usual.values())) == 1 else None  # to the two, when the settings are made
    return field(default=left, metadata={"help": text, "low": low, "high": high, "usual": usual, **more})


@dataclass(frozen=True)
class Settings:
    """Every knob of a run; frozen, checked when made, changed with `dataclasses.replace`.

    What is not given has its default, which for size, steps, forms and border depends on the rendering, and for forms
    and border on the convention: those of the tutorial and of the paper compare a picture as it is, at its own size.

    >>> from dataclasses import replace
    >>> settings = nst.Settings(size=512, style_weight=3)
    >>> replace(settings, steps=300).steps
    300
    >>> nst.Settings().size, nst.Settings(rendering="photo").size
    (512, 0)
    """

    rendering: str = knob(
        "painting", "a painting, in the style's strokes; or a photo, which keeps every edge", choices=RENDERINGS
    )
    engine: str = knob("optimise", "by optimisation, or in one pass of a TF-Hub module", choices=ENGINES)
    module: str = knob(
        "", "engine hub's: instant (the package's own), an https address, a folder, a .tar.gz; empty: Magenta's"
    )
    strength: float = knob(
        1.0, "photo's and engine hub's share of the style: 0 is the content; a photo's to 2", low=0, high=2, steer=True
    )
    smoothness: float = knob(
        1.0, "photo: how alike its neighbouring colour maps are", low=0, high=1e4, log=True, steer=True
    )
    light_weight: float = knob(
        10.0, "weight of the light loss: a photo is no darker than its style", low=0, high=1e4, log=True, steer=True
    )
    spatial_bins: int = knob(16, "photo: its grid's rows, and columns, of colour maps", low=1, high=64)
    regions: str = knob(
        "own", "photo with masks: each region has a grid of its own, or all share one", choices=("own", "shared")
    )
    luma_bins: int = knob(8, "photo: its grid's colour maps from dark to light", low=2, high=32)
    extractor: str = knob("compact", "the network whose features are compared", choices=EXTRACTORS)
    weights: str = knob("", "a file with the extractor's weights (vgg19: Keras's notop .h5); empty: its own")
    pooling: str = knob("max", "pooling in the extractor; Gatys et al. average", choices=("max", "average"))
    precision: str = knob(
        "auto",
        "arithmetic of the extractor; mixed: bfloat16, and float32 to end with; auto: mixed where the processor has it",
        choices=("auto", "mixed", "bfloat16", "float32"),
    )
    convention: str = knob("relative", "how losses are normalised", choices=CONVENTIONS)
    style_loss: str = knob("gram", "what of the style's features is compared", choices=STYLE_LOSSES)
    content_weight: float | None = knob(
        None, "weight of the content loss; none: the convention's", low=0, high=1e8, log=True, steer=True
    )
    style_weight: float | None = knob(
        None, "weight of the style loss; none: the convention's", low=0, high=1e8, log=True, steer=True
    )
    tv_weight: float | None = knob(
        None, "weight of the total variation loss; none: the convention's", low=0, high=1e8, log=True, steer=True
    )
    content_layers: tuple[str, ...] = knob(("block4_conv2",), "layers of the content loss", kind="layers")
    style_layers: tuple[str, ...] = knob(STYLE_LAYERS, "layers of the style loss", kind="layers")
    style_layer_weights: tuple[float, ...] = knob(
        (), "one weight a style layer, of their sum; none: equal", low=0, high=1e8, steer=True
    )
    style_blend: tuple[float, ...] = knob(
        (), "one weight a style, of their sum; none: equal", low=0, high=1e8, steer=True
    )
    forms: float = knob(
        0.25,
        "how large the forms are that are taken over: 0 is brushwork alone, 1 composition too",
        low=0,
        high=1,
        steer=True,
        photo=0.0,
        recipe=0.0,
    )
    border: int = knob(
        12,
        "pixels by which a picture is painted beyond its border, which are cut off at the end",
        low=0,
        high=256,
        photo=0,
        recipe=0,
    )
    style_scale: float = knob(
        1.0, "size of the strokes: the style's longest side, over that of the picture", low=0.1, high=4, log=True
    )
    preserve_color: str = knob(
        "none",
        "keep the content's colours: take its chroma at the end, or match the style's colours to it before",
        choices=("none", "luminance", "histogram"),
    )
    init: str = knob(
        "content",
        "what the run starts from: content, noise, style, compact (its result), instant or a learned network's folder "
        "(its picture, in the place of the smallest sizes; in a clip of what is new too), or a picture's path",
    )
    temporal_weight: float = knob(1.0, "weight of the temporal loss", low=0, high=1e8, log=True, steer=True, video=True)
    consistency: str = knob(
        "steady",
        "how a clip's frames are made: each from the ones before, or each by itself, as the paper does",
        choices=("steady", "independent"),
        video=True,
    )
    next_steps: int = knob(
        24,
        "evaluations for each frame after a shot's first, at most; of a photo for each keyframe",
        low=1,
        high=100000,
        video=True,
        photo=15,
    )
    passes: int = knob(1, "how often a clip is gone through, forth and back in turn", low=1, high=100, video=True)
    reach: int = knob(1, "how many frames back the temporal loss looks: 1, 2, 4, ...", low=1, high=64, video=True)
    motion: str = knob(
        "auto",
        "how finely motion is estimated; auto: as the engine's time a frame deserves",
        choices=("auto", "fast", "medium", "fine", "best"),
        video=True,
    )
    size: int = knob(
        512,
        "longest side of the result, pixels; 0, for a photo alone: as it is",
        low=16,
        high=20000,
        zero=True,
        photo=0,
    )
    steps: int = knob(250, "evaluations of loss and gradient, over all sizes", low=1, high=100000, photo=60)
    scales: int = knob(0, "sizes from coarse to fine, each twice the one before; 0: from 192 pixels up", low=0, high=8)
    optimizer: str = knob("lbfgs", "the optimiser", choices=("lbfgs", "adam"))
    learning_rate: float = knob(0.02, "Adam's step, in pixel values of 0 to 1", low=1e-4, high=1, log=True, steer=True)
    tile: int = knob(0, "side of the tiles of a large picture; 0: chosen by the free memory", low=0, high=8192)
    seed: int = knob(0, "seed of the noise start and of random weights", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        for f in fields(self):
            value, default = getattr(self, f.name), usual(f, self.rendering, self.convention)
            value = default if value is None else value
            object.__setattr__(self, f.name, _checked(f.name, value, default, f.metadata))
        if self.tile % 16:
            raise NstlibError(f"tile={self.tile}; give a multiple of 16, the deepest layer's stride")
        if self.rendering == "photo":
            self._check_photo()
        elif self.size == 0 or self.strength > 1:
            name = "size" if self.size == 0 else "strength"
            raise NstlibError(f"{name}={getattr(self, name):g} is for rendering=photo; a painting needs another")
        _match("style_layer_weights", self.style_layer_weights, "style layers", len(self.style_layers))

    def _check_photo(self) -> None:
        """Raises NstlibError for what a photograph cannot be made with."""
        needed = {"engine": "optimise", "convention": "relative", "init": "content"}
        needed |= {"passes": 1, "reach": 1, "consistency": "steady"}  # its frames are not painted after each other
        for name, allowed in needed.items():
            if getattr(self, name) != allowed:
                raise NstlibError(f"{name}={getattr(self, name)}: rendering=photo needs {name}={allowed}")

    @property
    def motion_preset(self) -> str:
        """`motion`, with auto resolved by the engine."""
        return MOTION[self.engine] if self.motion == "auto" else self.motion

    @property
    def term_weights(self) -> tuple[float, float, float]:
        """The weights of content, style and total variation, with None resolved by the convention."""
        given = (self.content_weight, self.style_weight, self.tv_weight)
        default = PHOTO_WEIGHTS if self.rendering == "photo" else DEFAULT_WEIGHTS[self.convention]
        return tuple(d if g is None else g for g, d in zip(given, default, strict=True))


CHOSEN = ("precision", "tile")  # by a run for its machine, where they are left at their defaults
ADAPTED = {"tile"}  # by a run that is going, where memory runs out
FORMER_TV = 0.02  # `relative` had it for a painting, where no total variation's weight was given, before `border`
RENAMED = {"grid": "spatial_bins", "levels": "luma_bins"}  # in records of before
STEERABLE = frozenset(f.name for f in fields(Settings) if f.metadata.get("steer"))


def usual(f: Field, rendering: Any = "painting", convention: Any = "relative") -> Any:
    """A setting's default in a rendering and a convention."""
    kind = "recipe" if rendering == "painting" and convention in RECIPES else rendering
    return f.metadata["usual"].get(kind, f.default) if isinstance(kind, str) else f.default


def reader(f: Field) -> Callable[[str], Any]:
    """What reads a setting's value from text: a number, text, or a list with commas."""
    default = usual(f)
    if isinstance(default, tuple):
        return _names if f.metadata.get("kind") == "layers" else _numbers
    return type(default) if isinstance(default, str | int) else float


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise ArgumentTypeError(f"{text!r}; give numbers with commas between, such as 2,1") from None


def to_dict(settings: Settings) -> dict[str, Any]:
    """Names and values, ready for JSON; `from_dict` takes them back."""
    return {f.name: getattr(settings, f.name) for f in fields(settings)}


def from_dict(values: dict[str, Any]) -> Settings:
    """Settings from names and values, such as JSON's. Raises NstlibError for an unknown name or a bad value."""
    if not isinstance(values, dict):
        raise NstlibError(f"settings are {type(values).__name__}; give names with values")
    names = [f.name for f in fields(Settings)]
    for name in values:
        if name not in names:
            raise NstlibError(f"unknown setting {name!r}; choose from {', '.join(names)}")
    return Settings(**values)


def from_record(values: dict[str, Any]) -> Settings:
    """As `from_dict`; settings of before get what they meant then: names, defaults, and what was not yet a setting."""
    if not isinstance(values, dict):
        return from_dict(values)
    before = {"regions": "shared", "light_weight": 0.0} if "grid" in values else {}
    values = before | {RENAMED.get(name, name): value for name, value in values.items()}
    if "border" not in values:
        values["border"] = 0
        painted = values.get("rendering") != "photo" and values.get("convention") == "relative"
        if painted and values.get("tv_weight") is None:
            values["tv_weight"] = FORMER_TV
    if "forms" not in values and {"size", "scales"} <= set(values):
        size, scales = values["size"], values["scales"]
        values |= {"forms": 0.0, "scales": scales or max(1, int(math.log2(size / 256)) + 1)}
    return from_dict(values)


def vary(settings: Settings, values: dict[str, Any]) -> Settings:
    """The settings with other values.

    Another rendering or convention brings its own defaults for what stood at the old one's.
    """
    old = settings.rendering, settings.convention
    new = values.get("rendering", old[0]), values.get("convention", old[1])
    left = [f for f in fields(Settings) if getattr(settings, f.name) == usual(f, *old) != usual(f, *new)]
    moved = {f.name: usual(f, *new) for f in left}
    return from_dict({**to_dict(settings), **moved, **values})


def changed(old: Settings, new: Settings) -> list[str]:
    """The names of the settings that differ."""
    return [f.name for f in fields(Settings) if getattr(old, f.name) != getattr(new, f.name)]


def steer(old: Settings, new: Settings) -> Settings:
    """`new`, if it differs from `old` only in what a run can take up midway. Raises NstlibError otherwise.

    What `new` leaves to the run to choose is what the run has chosen.
    """
    new = replace(new, **{name: getattr(old, name) for name in CHOSEN if getattr(new, name) == getattr(Settings, name)})
    fixed = [name for name in changed(old, new) if name not in STEERABLE | ADAPTED]
    if fixed:
        raise NstlibError(f"{', '.join(fixed)} cannot be changed while a run is going; start a new run")
    return new


def _match(name: str, weights: tuple[float, ...], what: str, count: int) -> None:
    if weights and len(weights) != count:
        raise NstlibError(f"{name} has {len(weights)} values for {count} {what}; give one each, or none")
    if weights and not sum(weights) > 0:
        raise NstlibError(f"{name}={weights} are all 0; make one of them larger")


def check_blend(settings: Settings, styles: int) -> tuple[float, ...]:
    """The share of each style, summing to 1. Raises NstlibError where `style_blend` has another length."""
    _match("style_blend", settings.style_blend, "styles", styles)
    blend = settings.style_blend or (1.0,) * styles
    return tuple(b / sum(blend) for b in blend)


def _checked(name: str, value: Any, default: Any, meta: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, tuple | list):
            raise NstlibError(f"{name}={value!r}; give a list of values")
        if meta.get("kind") == "layers":
            return _layers(name, value)
        return tuple(_number(name, v, float, meta) for v in value)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise NstlibError(f"{name}={value!r}; give text")
        if "choices" in meta and value not in meta["choices"]:
            raise choose(name, value, meta["choices"])
        return value
    if value is None and default is None:
        return None
    return _number(name, value, int if isinstance(default, int) else float, meta)


def _layers(name: str, value: tuple | list) -> tuple[str, ...]:
    if not value or not all(isinstance(v, str) for v in value):
        raise NstlibError(f"{name}={value!r}; give at least one layer's name, such as block1_conv1")
    if len(set(value)) < len(value):
        raise NstlibError(f"{name}={','.join(value)} names a layer twice; name each once")
    return tuple(value)


def _number(name: str, value: Any, kind: type, meta: Any) -> float | int:
    low, high = meta["low"], meta["high"]
    good = isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
    if good and value == 0 and meta.get("zero"):
        return kind(value)
    if not good or (kind is int and value != int(value)) or not low <= value <= high:
        what = "whole number" if kind is int else "number"
        raise NstlibError(f"{name}={value!r}; give a {what} from {low:g} to {high:g}")
    return kind(value)
