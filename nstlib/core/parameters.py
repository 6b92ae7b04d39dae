"""What a run optimises: a tensor x that a picture is made from.

A parametrisation tells where x begins and how it goes on at a larger size, the picture that x stands for, and how an
objective of pictures is one of x. A run knows no more of it; another one is another class with these methods, and a
line in `load_parameters`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from ..media import colors, images
from ..settings import Settings
from .bilateral import BilateralGrid
from .border import bordered, unbordered
from .optimize import Objective
from .speed.lbfgs import Precondition, laplacian_pyramid


class Parameters(Protocol):
    """What a run asks of a parametrisation.

    bounded: x stays in [0, 1]; precondition: L-BFGS's, on a batch of x; spread: how much more of x moves where only a
    part of it does, as root mean squares are.
    """

    bounded: bool
    precondition: Precondition
    spread: float

    def begin(self, image: np.ndarray) -> tf.Tensor:
        """The x of a picture (H, W, 3)."""

    def grown(self, x: tf.Tensor, shape: tuple[int, int], fine: np.ndarray | None) -> tf.Tensor:
        """x for pictures of (H, W), from the `whole` x of smaller ones; fine: the start there, None for noise."""

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        """The x of the whole picture, where only a part of it is painted."""

    def objective(self, x: tf.Tensor, of_picture: Objective) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """The objective of the picture that x stands for, with its gradient with respect to x."""

    def result(self, x: tf.Tensor, content: np.ndarray) -> np.ndarray:
        """The picture to show, (H, W, 3)."""


class Pixels:
    """The picture itself, and a border around it: x (H + 2 b, W + 2 b, 3), each value in [0, 1].

    counted: of sizes by `scales`, which are as they were.
    """

    bounded, spread = True, 1.0

    def __init__(self, *, border: int = 0, counted: bool = False) -> None:
        self.precondition = laplacian_pyramid(mirrored=not counted)
        self._border, self._counted = border, counted

    def begin(self, image: np.ndarray) -> tf.Tensor:
        """The picture, and what lies beyond it as its mirror image."""
        return tf.constant(bordered(image, self._border))

    def grown(self, x: tf.Tensor, shape: tuple[int, int], fine: np.ndarray | None) -> tf.Tensor:
        """The picture at the next size, with the detail that the start has there and not at this one.

        It is grey: a photograph's finest colours are noise and fringes, which no style takes away again.
        """
        small = unbordered(x.numpy(), self._border)
        grown = images.resize(small, shape)
        if fine is None:
            return self.begin(grown)
        coarse = images.resize(images.resize(fine, small.shape[:2]), shape)
        if not self._counted:
            fine, coarse = colors.luminance(fine), colors.luminance(coarse)
        return self.begin(np.clip(grown + fine - coarse, 0, 1))

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        """x itself."""
        return x

    def objective(self, x: tf.Tensor, of_picture: Objective) -> tuple[tf.Tensor, tf.Tensor, Any]:
        """The objective as it is."""
        return of_picture(x)

    def result(self, x: tf.Tensor, content: np.ndarray) -> np.ndarray:
        """The picture, without its border."""
        return unbordered(x.numpy(), self._border)


def load_parameters(
    content: np.ndarray, settings: Settings, *, styles: Sequence[np.ndarray] = (), masks: Sequence[np.ndarray] = ()
) -> Parameters:
    """The parametrisation that `settings.rendering` names, for pictures of the content's size (H, W, 3).

    styles, masks: the styles' pictures, and their regions (H, W), of any size.
    """
    return (
        BilateralGrid(content, settings, styles=styles, masks=masks)
        if settings.rendering == "photo"
        else Pixels(border=settings.border, counted=settings.scales > 0)
    )
