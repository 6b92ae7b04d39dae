"""An ink wash: mountains in mist, a red sun, a branch of pine, on paper that drinks the ink."""

import cv2
import numpy as np

from .noise import Array, fractal, grid, mix, smoothstep

SIZE = (704, 640)
INK = np.float32([0.105, 0.115, 0.150])
PAPER = np.float32([0.955, 0.930, 0.870])
SEAL = np.float32([0.74, 0.16, 0.10])


def paper(rng: np.random.Generator) -> Array:
    """Cream paper: slow stains, a faint grain and a few fibres. (H, W, 3)."""
    stain = fractal(SIZE, rng, wavelength=300, slope=2.5)
    grain = fractal(SIZE, rng, wavelength=5, slope=1.0, finest=1.2)
    fibre = sum(fractal(SIZE, rng, wavelength=40, slope=1.4, stretch=s) for s in (5.0, 0.2))
    return PAPER * (1 + 0.012 * stain + 0.009 * grain + 0.006 * fibre)[..., None]


def bleed(mask: Array, rng: np.random.Generator, *, reach: float) -> Array:
    """A mask whose edge wandered into the paper: moved by noise and softened, more here than there."""
    x, y = grid(mask.shape[1], mask.shape[0], -0.5, -0.5)
    pull = [reach * (0.8 * fractal(mask.shape, rng, wavelength=26, slope=1.8)) for _ in "xy"]
    moved = cv2.remap(np.float32(mask), x + pull[0], y + pull[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    wet = smoothstep(-0.8, 1.2, fractal(mask.shape, rng, wavelength=90))
    crisp, soft = (cv2.GaussianBlur(moved, (0, 0), s) for s in (0.7 + 0.1 * reach, 0.8 + 1.2 * reach))
    return mix(crisp, soft, wet)


def wash(sheet: Array, amount: Array, ink: Array = INK) -> Array:
    """sheet · (ink / paper)^amount: washes darken by layers, as glazes do."""
    return sheet * (np.maximum(ink / PAPER, 0.02) ** amount[..., None])


def ridge(
    sheet: Array,
    rng: np.random.Generator,
    *,
    base: float,
    peaks: list[tuple[float, float, float]],
    rough: float,
    dark: float,
    fade: float,
) -> Array:
    """A mountain: dark along its ridge, its foot lost in mist.

    peaks: (x, height, width) of each. dark: ink at the ridge. fade: pixels until the mist has swallowed it.
    """
    x, y = grid(SIZE[1], SIZE[0])
    line = x[0]
    crest = base - sum(h * np.exp(-(np.abs((line - cx) / w) ** 1.6)) for cx, h, w in peaks)
    crest = crest - rough * fractal((1, SIZE[1] * 2), rng, wavelength=110, slope=1.8, finest=3)[0, : SIZE[1]]
    below = y - crest
    soft = bleed(smoothstep(-1, 1, below), rng, reach=2.0)
    folds = fractal(SIZE, rng, wavelength=120, slope=2.0, stretch=0.6).clip(0) * np.exp(-below.clip(0) / (0.8 * fade))
    body = np.exp(-((below.clip(0) / fade) ** 1.3)) * (0.72 + 0.20 * fractal(SIZE, rng, wavelength=160, slope=2.6))
    rim = 0.22 * np.exp(-below.clip(0) / 7)
    return wash(sheet, np.maximum(dark * soft * (body + rim + 0.38 * folds), 0))


def brush(mask: Array, path: Array, widths: Array) -> None:
    """A loaded brush pressed along a path: discs of the given widths, close together, onto a uint8 mask."""
    t = np.linspace(0, len(path) - 1, 60 * (len(path) - 1))
    xs, ys, ws = (np.interp(t, range(len(path)), v) for v in (path[:, 0], path[:, 1], widths))
    for x, y, w in zip(xs, ys, ws, strict=True):
        cv2.circle(mask, (round(x * 16), round(y * 16)), max(round(w * 8), 4), 255, -1, cv2.LINE_AA, 4)


def branch(rng: np.random.Generator) -> tuple[Array, Array]:
    """An old pine's bough from the right: the wood, and its tufts of needles. Two masks (H, W) in [0, 1]."""
    wood, needles = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    bough = np.float64([[660, 120], [590, 150], [540, 142], [480, 176], [440, 168], [392, 196], [350, 190]])
    brush(wood, bough, np.float64([26, 21, 17, 13, 9, 6, 3]))
    for at, (dx, dy) in ((2, (-26, -52)), (3, (-34, 56)), (1, (-40, 70)), (4, (-30, -40)), (5, (-20, 34))):
        twig = bough[at] + np.float64([[0, 0], [dx * 0.5, dy * 0.4], [dx, dy]])
        brush(wood, twig, np.float64([8, 5, 2]))
        for tip in (twig[1], twig[2]):
            tuft(needles, tip, rng)
    for tip in bough[2:]:
        tuft(needles, tip - np.float64([0, 6]), rng)
    return wood / np.float32(255), needles / np.float32(255)


def tuft(mask: Array, at: Array, rng: np.random.Generator) -> None:
    """A fan of needles."""
    for angle in np.deg2rad(rng.uniform(-168, -12, 46)):
        tip = at + rng.uniform(20, 36) * np.float64([np.cos(angle), np.sin(angle) * 0.8])
        ends = [tuple(int(v * 16) for v in p) for p in (at, tip)]
        cv2.line(mask, ends[0], ends[1], int(rng.uniform(120, 255)), 1, cv2.LINE_AA, 4)


def birds(mask: Array) -> None:
    """Five geese, two touches of the brush each."""
    for x, y, s in ((190, 226, 12), (222, 212, 10), (252, 204, 9), (176, 246, 9), (162, 264, 7)):
        for side in (-1, 1):
            wing = np.float64([[x, y], [x + side * s * 0.55, y - s * 0.5], [x + side * s * 1.3, y - s * 0.12]])
            brush(mask, wing, np.float64([1.9, 1.5, 0.4]))


def boat(mask: Array) -> None:
    """A fisherman's boat, and the fisherman."""
    for points, widths in (
        ([(250, 646), (276, 658), (316, 658), (350, 642)], [2, 6, 6, 1.5]),  # hull
        ([(294, 652), (297, 636), (296, 628)], [9, 7, 4]),  # body
        ([(284, 629), (296, 622), (308, 629)], [1.5, 4, 1.5]),  # hat
        ([(302, 638), (354, 602)], [1.4, 0.8]),  # pole
    ):
        brush(mask, np.float64(points), np.float64(widths))


def ink(rng: np.random.Generator) -> Array:
    """The painting, (704, 640, 3) float32 RGB in [0, 1]."""
    x, y = grid(SIZE[1], SIZE[0])
    sheet = wash(paper(rng), 0.10 * smoothstep(260, 0, y) * (1 + 0.5 * fractal(SIZE, rng, wavelength=200, slope=2.6)))
    sun = bleed(smoothstep(1, -1, np.hypot(x - 236, y - 150) - 52), rng, reach=1.6)
    sheet = wash(sheet, 0.80 * sun * (0.86 + 0.12 * fractal(SIZE, rng, wavelength=50)).clip(0.3), SEAL)
    back = [(120, 90, 90), (330, 130, 80), (560, 90, 110)]
    sheet = ridge(sheet, rng, base=380, peaks=back, rough=7, dark=0.26, fade=110)
    sheet = ridge(sheet, rng, base=470, peaks=[(30, 170, 90), (440, 150, 95)], rough=9, dark=0.48, fade=105)
    sheet = ridge(sheet, rng, base=560, peaks=[(610, 210, 120), (60, 95, 80)], rough=11, dark=0.85, fade=80)
    water = smoothstep(0.5, 1.6, fractal(SIZE, rng, wavelength=120, slope=2.4, stretch=7)) * smoothstep(560, 680, y)
    sheet = wash(sheet, 0.20 * water)
    wood, needles = branch(rng)
    dry = (0.86 + 0.22 * fractal(SIZE, rng, wavelength=18, slope=1.3, stretch=3)).clip(0, 1.2)
    sheet = wash(wash(sheet, 1.05 * bleed(wood, rng, reach=1.2) * dry), 0.85 * bleed(needles, rng, reach=0.5))
    small = np.zeros(SIZE, np.uint8)
    birds(small)
    boat(small)
    sheet = wash(sheet, 0.9 * bleed(small / np.float32(255), rng, reach=0.5))
    return np.clip(sheet, 0, 1).astype(np.float32)
