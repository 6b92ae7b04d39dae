"""Loss curves as SVG, which follows the page's colours and costs a millisecond."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from ..research.plots import COLORS
from .words import TERMS

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 96, 22, 22
POINTS = 120  # of a curve, at most


def terms(curves: Mapping[str, Sequence[float]], marks: Sequence[int] = ()) -> str:
    """The loss by term over the steps, logarithmic; marks: the steps at which the run was steered."""
    return chart(
        "Losses by term, unweighted; total weighted",
        {text: curves[name] for name, text in TERMS.items() if name in curves},
        marks,
    )


def layers(curves: Mapping[str, Sequence[float]], marks: Sequence[int] = ()) -> str:
    """The style loss by layer over the steps, logarithmic."""
    by_layer = {name.removeprefix("style/"): curve for name, curve in curves.items() if name.startswith("style/")}
    if len(by_layer) > 1 and len({tuple(curve) for curve in by_layer.values()}) == 1:  # remd sees them all at once
        return chart("Style loss of the layers, compared as one", {"all layers": next(iter(by_layer.values()))}, marks)
    return chart("Style loss by layer", by_layer, marks)


def chart(title: str, curves: Mapping[str, Sequence[float]], marks: Sequence[int] = ()) -> str:
    """The curves (of steps 1, 2, …) as an SVG with a logarithmic scale and their names at their ends."""
    head = f'<text x="{LEFT}" y="13" class="nst-title">{escape(title)}</text>'
    values = [v for curve in curves.values() for v in curve if v > 0 and math.isfinite(v)]
    body = _inside(curves, marks, _decades(values)) if values else ""
    return f'<svg class="nst-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{head}{body}</svg>'


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """log10 of the least and the largest value; at most five decades, at least half of one."""
    high = math.log10(max(values))
    low = max(math.log10(min(values)), high - 5)
    return (low, high) if high - low > 0.5 else (high - 0.5, high)


def _inside(curves: Mapping[str, Sequence[float]], marks: Sequence[int], span: tuple[float, float]) -> str:
    last = max(map(len, curves.values()))
    across = lambda step: LEFT + (step - 1) / max(1, last - 1) * (WIDTH - LEFT - RIGHT)  # noqa: E731
    up = lambda v: TOP + (span[1] - v) / (span[1] - span[0]) * (HEIGHT - TOP - BOTTOM)  # noqa: E731
    parts = [_grid(span, up), _axis(last)]
    for mark in [m for m in marks if 0 < m < last][-60:]:
        parts.append(f'<path class="nst-mark" d="M{across(mark + 1):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    ends = []
    for (name, curve), color in zip(curves.items(), COLORS[:6] * 3, strict=False):
        stride = max(1, len(curve) // POINTS)
        steps = [*range(0, len(curve) - 1, stride), len(curve) - 1]
        heights = [up(math.log10(max(curve[i], 10 ** span[0]))) for i in steps]
        line = " ".join(f"{across(i + 1):.1f},{h:.1f}" for i, h in zip(steps, heights, strict=True))
        parts.append(f'<polyline points="{line}" stroke="{color}"/>')
        ends.append((heights[-1], name, color))
    return "".join([*parts, *_names(ends)])


def _grid(span: tuple[float, float], up: object) -> str:
    ticks = range(math.ceil(span[0]), math.floor(span[1]) + 1)
    lines = [(up(t), f"{10.0**t:g}" if -3 <= t <= 3 else f"1e{t}") for t in ticks]
    if len(lines) < 2:  # less than two decades: the ends have numbers instead
        lines = [(up(v), f"{10.0**v:.2g}") for v in span]
    right = WIDTH - RIGHT
    return "".join(
        f'<path class="nst-grid" d="M{LEFT} {y:.1f}H{right}"/><text x="{LEFT - 5}" y="{y + 3:.1f}" class="nst-tick" '
        f'text-anchor="end">{text}</text>'
        for y, text in lines
    )


def _axis(last: int) -> str:
    y = HEIGHT - 7
    return (
        f'<text x="{LEFT}" y="{y}" class="nst-tick">1</text>'
        f'<text x="{WIDTH - RIGHT}" y="{y}" class="nst-tick" text-anchor="end">step {last}</text>'
    )


def _names(ends: Sequence[tuple[float, str, str]]) -> list[str]:
    """Each curve's name beside its end, moved apart where two would meet."""
    shown, previous = [], TOP - 6.0
    room = HEIGHT - 4 - 13 * (len(ends) - 1)
    for place, (height, name, color) in enumerate(sorted(ends)):
        previous = min(max(height + 3, previous + 13), room + 13 * place)
        shown.append(f'<text x="{WIDTH - RIGHT + 6}" y="{previous:.1f}" fill="{color}">{escape(name)}</text>')
    return shown
