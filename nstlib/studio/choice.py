"""What is chosen in the panel: the pictures that a run is made of, and what is marked on them."""

from typing import Any, NamedTuple

from .brush import Stroke, of_styles


class Choice(NamedTuple):
    """A content, its frame where it is a clip, the styles, and the brush's strokes."""

    content: Any
    frame: int
    styles: tuple[Any, ...]
    strokes: tuple[Stroke, ...] = ()

    @property
    def pictures(self) -> tuple[Any, int]:
        """The content and its frame."""
        return self.content, self.frame

    @property
    def marks(self) -> list[Stroke]:
        """The strokes that a run is made with: those of the chosen styles."""
        return of_styles(self.strokes, [style.name for style in self.styles])
