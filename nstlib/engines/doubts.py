"""What a run's losses tell of settings that cannot work, in one line."""

from ..core.steps import Steps

APART = 1e4  # a weighted term that is so many times smaller than another does not show
MOVED = 0.05  # the share by which a style loss falls at the least, where there is a style to be seen
WEIGHTS = {"content": "content_weight", "style": "style_weight", "total_variation": "tv_weight"}


def doubt(run: Steps) -> str:
    """What is to be said after this step: of the weights after the second, of the style after the last; mostly "".

    After the second, since a run that starts at the content has no content loss before it has moved.
    """
    if run.number == 2:
        return _lost(run)
    if run.number == run.total_steps >= 20:
        return _unmoved(run)
    return ""


def _lost(run: Steps) -> str:
    """The style or the content, where its weight makes it too small to show beside another term."""
    weights = dict(zip(WEIGHTS, run.settings.term_weights, strict=True))
    terms = {name: weight * run.curves[name][-1] for name, weight in weights.items()}
    largest = max(terms, key=lambda name: terms[name])
    for name in ("style", "content"):
        if 0 < terms[name] * APART < terms[largest]:
            times = terms[largest] / terms[name]
            return (
                f"{name} is {times:.0e} times smaller than {largest.replace('_', ' ')} and will not show; "
                f"raise {WEIGHTS[name]} or lower {WEIGHTS[largest]}"
            )
    return ""


def _unmoved(run: Steps) -> str:
    """The style loss that is at the end what it was at the start."""
    first, last = run.curves["style"][0], run.curves["style"][-1]
    if run.settings.term_weights[1] == 0 or abs(last - first) > MOVED * first:
        return ""
    return f"the style loss is what it was at the start ({first:.3g}, now {last:.3g}); raise style_weight"
