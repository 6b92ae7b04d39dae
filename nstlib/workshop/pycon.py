"""Docstrings' examples as code on the pages of `make docs`: an extension of griffe, which reads them."""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.M | re.S)
LIKE_A_LINK = re.compile(r"\](?=\()")  # frame[index](x) is none


class Pycon(Extension):
    """Fences each run of lines from `>>>` to the next blank one, and keeps formulas from becoming links."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite an object's docstring."""
        if obj.docstring:
            text = LIKE_A_LINK.sub(r"]\\", obj.docstring.value)
            obj.docstring.value = EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
