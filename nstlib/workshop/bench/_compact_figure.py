"""`python -m nstlib.workshop.bench._compact_figure [FILE]`: the model card's figure, from the bundled samples.

Three pairs, each painted with the teacher, with compact and with random weights: same loss, same optimiser.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from ... import samples
from ...core.features import load_extractor
from ...core.model import StyleContentModel
from ...media import images
from ...networks import compact
from ...settings import STYLE_LAYERS
from .compact import CONTENT, CONTENT_WEIGHT, load_judge, optimise, student, teacher

SIZE, STEPS = 256, 80
FILE = compact.FILE.with_name("COMPACT.jpg")


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Photograph and whirls, two frames of the clip with mosaic and ink."""
    sources = (samples.photograph(), samples.frame(0), samples.frame(40))
    contents = [images.load(source, size=SIZE) for source in sources]
    styles = [images.load(samples.styles()[name], size=SIZE) for name in ("whirls", "mosaic", "ink")]
    contents[0] = contents[0][: 3 * SIZE // 4]
    return list(zip(contents, styles, strict=True))


def draw(file: str) -> None:
    """Paint the pairs and save the figure."""
    random = StyleContentModel(load_extractor("random", STYLE_LAYERS), STYLE_LAYERS, CONTENT)
    models = {"teacher": teacher(load_judge()), "compact": student(), "random": random}
    figure, axes = plt.subplots(3, 5, figsize=(15, 7.5), layout="constrained")
    for row, (content, style) in zip(axes, pairs(), strict=True):
        painted = [optimise(model, content, style, CONTENT_WEIGHT, STEPS)[0] for model in models.values()]
        for axis, picture in zip(row, (content, style, *painted), strict=True):
            axis.imshow(picture)
            axis.axis("off")
    for axis, title in zip(axes[0], ("content", "style", *models), strict=True):
        axis.set_title(title)
    figure.savefig(file, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else str(FILE))
