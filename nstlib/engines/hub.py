"""TF-Hub modules that stylise in one pass: found by address, folder or archive, loaded, and asked for pictures.

The signature is Magenta's: content (1, H, W, 3), style (1, h, w, 3) -> stylised (1, H, W, 3), float32 RGB in [0, 1]
(Ghiasi et al. 2017). Loading a module runs the graph in it: load only modules that you trust.
"""

import tarfile
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..core.speed import arithmetic
from ..errors import NstlibError
from ..media import files, images

MAGENTA = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
INSTANT = Path(__file__).parents[1] / "networks" / "weights" / "instant"
STYLE_SIZE = 256  # longest side of the style, pixels: what modules of Magenta's signature were trained with
SMALLEST = 16  # shortest side of a picture that a network can make something of
MOST_BYTES = 4_000_000_000  # of an archive's files: beyond this it is no module
ARCHIVES = (".tar.gz", ".tgz", ".tar")
WAYS_OUT = (
    "Ways out: --module instant, which comes with the package; --module PATH of the module's folder or archive, "
    "downloaded elsewhere; or $TFHUB_CACHE_DIR, a cache that has it"
)


class Module:
    """A loaded module, whose `painter` makes pictures; `checksum` is the SHA-256 of its files.

    Beside the signature, ours has `statistics` (a style's picture -> a vector, made once) and `paint`; these allow
    strengths below 1 and blends of several styles, which a module without them refuses.
    """

    def __init__(self, handle: str, loaded: Any, checksum: str) -> None:
        self.handle, self.checksum, self._loaded = handle, checksum, loaded
        self.blends = hasattr(loaded, "statistics") and hasattr(loaded, "paint")
        self.learned = hasattr(loaded, "thumbnail")  # it knows its paintings
        # The first one's mean colours on a grid, as a picture: what a learned module takes for it.
        self.known = loaded.thumbnail.numpy()[0].repeat(8, 0).repeat(8, 1) if self.learned else None

    def painter(
        self, styles: Sequence[np.ndarray], shares: Sequence[float], strength: float, *, size: int
    ) -> Callable[[np.ndarray], np.ndarray]:
        """content (H, W, 3) -> stylised (H, W, 3); what depends on the styles alone is computed here, once.

        size: the styles' longest side for ours; other modules get STYLE_SIZE. Raises NstlibError for what the module
        cannot do.
        """
        longest = size if self.blends else STYLE_SIZE
        pictures = [_batch(_scaled(picture, longest)) for picture in styles]
        if self.blends:
            vector = tf.add_n([s * self._loaded.statistics(p) for s, p in zip(shares, pictures, strict=True)])
            if self.learned and float(tf.reduce_sum(vector)) < 0.99:
                raise NstlibError(f"{self.handle} was learned from another painting; give that one as the style")
            return lambda content: self._paint(content, vector, strength)
        if strength < 1 or len(pictures) > 1:
            what = "several styles" if len(pictures) > 1 else f"strength={strength:g}"
            raise NstlibError(f"{self.handle} cannot do {what}: it has no statistics of styles; module=instant can")
        return lambda content: self._checked(self._loaded(_batch(content), pictures[0]), content)

    def _paint(self, content: np.ndarray, vector: tf.Tensor, strength: float) -> np.ndarray:
        quick = arithmetic.has_bfloat16() and not tf.config.list_physical_devices("GPU")
        paint = self._loaded.paint_bfloat16 if self.learned and quick else self._loaded.paint
        return self._checked(paint(_batch(content), vector, tf.constant(strength, tf.float32)), content)

    def _checked(self, given: Any, content: np.ndarray) -> np.ndarray:
        """The picture in what a module gave. Raises NstlibError for another shape and for what is not finite."""
        picture = picture_of(given, self.handle)
        if not np.isfinite(picture).all():
            raise NstlibError(
                f"{self.handle} gave values that are not finite; the module is damaged or not for this use"
            )
        if picture.shape != content.shape:  # Magenta's rounds sides down to multiples of 4
            picture = images.resize(picture, content.shape[:2])
        return np.clip(picture, 0, 1)


def picture_of(given: Any, handle: str) -> np.ndarray:
    """The (H, W, 3) of a module's answer: a tensor (1, H, W, 3), or a list or dict whose first entry is one."""
    first = given
    while isinstance(first, dict | list | tuple) and first:
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    shape = getattr(first, "shape", None)
    if shape is None or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        what = type(first).__name__ if shape is None else f"a tensor {tuple(shape)}"
        raise NstlibError(f"{handle} gave {what}, not (1, H, W, 3); {SIGNATURE}")
    return np.asarray(first, np.float32)[0]


SIGNATURE = "a module is to take content (1, H, W, 3) and style (1, h, w, 3) and to give the picture, as Magenta's does"


def _batch(image: np.ndarray) -> tf.Tensor:
    return tf.constant(image[None], tf.float32)


def _scaled(picture: np.ndarray, longest: int) -> np.ndarray:
    """The picture with this longest side, and no side under SMALLEST."""
    return images.resize(picture, tuple(max(SMALLEST, side) for side in images.fit(picture.shape[:2], longest)))


@lru_cache(maxsize=2)
def load_module(handle: str = "") -> Module:
    """The module at a handle: `instant` (ours), an https URL, a folder, or a .tar.gz; empty: Magenta's. Kept.

    A URL is looked up in TF-Hub's cache ($TFHUB_CACHE_DIR) before it is downloaded. Raises NstlibError for a module
    that cannot be had, is no SavedModel, or has another signature.

    >>> module = nst.load_module("instant")
    >>> paint = module.painter([nst.samples.frame(0, size=(32, 32))], [1.0], 1.0, size=32)
    >>> paint(nst.samples.frame(30, size=(36, 64))).shape
    (36, 64, 3)
    """
    handle = handle or MAGENTA
    if handle.startswith("http://"):
        raise NstlibError(f"{handle} would come unprotected; give its https:// address")
    if handle.startswith("https://"):
        return _load(handle, handle)
    path = INSTANT if handle == "instant" else Path(handle)
    if path.is_file() and path.name.endswith(ARCHIVES):
        with tempfile.TemporaryDirectory() as folder:
            return _load(handle, _unpack(path, Path(folder)))
    if not path.is_dir():
        raise NstlibError(f"no such module: {handle}; give instant, an https:// address, a folder, or a .tar.gz")
    return _load(handle, path)


def _unpack(archive: Path, folder: Path) -> Path:
    """The folder with the archive's SavedModel; nothing is written outside `folder`, and no link is made in it."""
    size = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                size += member.size
                if not (member.isfile() or member.isdir()) or size > MOST_BYTES:
                    raise tarfile.TarError(f"{member.name} is {'too large' if size > MOST_BYTES else 'no plain file'}")
                tar.extract(member, folder, filter="data")
    except Exception as error:  # damaged archives raise many kinds
        raise NstlibError(f"{archive} cannot be unpacked ({error}); give a .tar.gz of a SavedModel") from None
    found = sorted(folder.rglob("saved_model.pb"))
    return found[0].parent if found else folder


def _load(handle: str, where: str | Path) -> Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorflow-hub's import warns of pkg_resources, which it uses itself
        import tensorflow_hub as hub
    try:
        folder = Path(hub.resolve(str(where)))
    except Exception as error:  # URLError, OSError, ValueError and others, by the way a download fails
        raise NstlibError(f"{handle} is not in the cache and cannot be downloaded ({error}). {WAYS_OUT}") from None
    if not any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise NstlibError(
            f"{handle} is no module: there is no saved_model.pb in it; give instant, or a folder that `learn` made"
        )
    try:
        loaded = hub.load(str(folder))
    except Exception as error:
        raise NstlibError(f"{handle} is damaged or no SavedModel ({_line(error)}); get it again") from None
    module = Module(handle, _callable(loaded), checksum(folder))
    _probe(module)
    return module


def _callable(loaded: Any) -> Any:
    """The object itself, or its default signature called with two pictures."""
    signatures = getattr(loaded, "signatures", {})
    if callable(loaded) or "serving_default" not in signatures:
        return loaded
    default = signatures["serving_default"]
    names = sorted(default.structured_input_signature[1])  # placeholder, placeholder_1; content, style

    def call(content: tf.Tensor, style: tf.Tensor) -> Any:
        return default(**dict(zip(names, (content, style), strict=True)))

    call.keep = loaded  # its variables live as long as it does
    return call


def _probe(module: Module) -> None:
    """Raises NstlibError unless the module makes a picture of two grey ones."""
    grey = np.full((64, 64, 3), 0.5, np.float32)
    style = grey if module.known is None else module.known
    try:
        module.painter([style], [1.0], 1.0, size=64)(grey)
    except NstlibError:
        raise
    except Exception as error:  # a call with another signature fails in many ways
        raise NstlibError(f"{module.handle} has another signature ({_line(error)}); {SIGNATURE}") from None


def _line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def checksum(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's files, in order."""
    found = sorted(f for f in folder.rglob("*") if f.is_file())
    return files.checksum(*(part for f in found for part in (f.relative_to(folder).as_posix().encode(), f)))
