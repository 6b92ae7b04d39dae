"""Learning one painting: it learns, goes on as if never stopped, and its module paints as any other."""

import errno
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import eagerly, smooth_noise

from nstlib.core.styles import Styles
from nstlib.engines import lessons
from nstlib.engines._modules import padded, run_onnx
from nstlib.engines._teaching import orthogonal, warped, within
from nstlib.engines.hub import load_module
from nstlib.engines.lessons import Lesson, learn, write_onnx, write_tflite
from nstlib.engines.onepass import Painter
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.networks import single
from nstlib.settings import Settings

LESSON = Lesson(steps=12, size=64, batch=2, style_size=96)
PHOTOS = [smooth_noise(i, (96, 120)) for i in range(3)]
PAINTING, ANOTHER = smooth_noise(7, (96, 80)), smooth_noise(8, (80, 96))
ALONE = np.float32([1])


def begin(folder, lesson=LESSON, **more):
    return learn(PAINTING, folder, photos=PHOTOS, lesson=lesson, **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A learning taken to its end in one go: its steps, its last weights, its module."""
    folder = tmp_path_factory.mktemp("learned") / "noise"
    run = begin(folder)
    start = {name: variable.numpy() for name, variable in run._graph.state.items()}
    before = run._graph.held_out(run._held_out, ALONE)
    steps = list(run)
    weights = run._graph.state["weights"].numpy()
    return {"run": run, "steps": steps, "folder": folder, "before": before, "start": start, "weights": weights}


@pytest.fixture
def traced(whole, monkeypatch):
    """A learning that is begun has the graph of `whole`, traced already, at `traced.start`."""

    class Traced:
        start = whole["start"]

        def __new__(cls, *_, **__):
            graph = whole["run"]._graph
            for name, value in cls.start.items():
                graph.state[name].assign(value)
            return graph

    monkeypatch.setattr(lessons, "Graph", Traced)
    return Traced


@pytest.fixture
def copied(whole, monkeypatch):
    """A module that is written is a copy of that of `whole`."""

    def save(module, folder, **_):
        shutil.copytree(whole["folder"], folder)

    monkeypatch.setattr("nstlib.engines._modules.tf.saved_model.save", save)


def test_steps_lower_the_loss_on_pictures_held_out(whole):
    assert [step.number for step in whole["steps"]] == list(range(1, 13))
    assert whole["run"].best < whole["before"]


def test_a_stopped_run_goes_on_as_if_uninterrupted(whole, traced, copied, tmp_path):
    first = begin(tmp_path / "noise")
    for _ in range(5):
        next(first)
    first.save()
    next(first)  # lost: the process is killed here
    first._lock.release()
    with pytest.raises(NstlibError, match="another lesson"):
        begin(tmp_path / "noise", replace(LESSON, seed=1))
    traced.start = {name: np.nan * value for name, value in whole["start"].items()}  # shows what is not restored
    again = begin(tmp_path / "noise")
    assert again.number == 5
    list(again)
    assert np.array_equal(again._graph.state["weights"].numpy(), whole["weights"])
    assert not (tmp_path / "noise.learning").exists()


def test_a_full_disk_is_one_line_and_what_was_saved_stays(traced, copied, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    run = begin(tmp_path / "noise")
    next(run)
    folder = run.leave()
    kept = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    run = begin(tmp_path / "noise")
    with monkeypatch.context() as broken:
        broken.setattr("nstlib.media.files.os.replace", full)
        with pytest.raises(NstlibError, match="No space left"):
            run.save()
        broken.setattr("nstlib.engines._modules.tf.saved_model.save", full)
        with pytest.raises(NstlibError, match="No space left"):
            run.keep()
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == kept
    run._lock.release()
    assert begin(tmp_path / "noise").number == 1


def test_killed_while_the_module_is_renamed_it_goes_on(traced, copied, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    one = replace(LESSON, steps=1)
    run = begin(tmp_path / "noise", one)
    next(run)
    run.save()
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("pathlib.Path.rename", killed)
        next(run)  # all steps are taken: the module is written
    run._lock.release()
    assert not list(begin(tmp_path / "noise", one))
    assert {path.name for path in tmp_path.iterdir()} == {"noise"}
    assert load_module(str(tmp_path / "noise")).learned


def test_the_module_paints_its_own_painting_and_refuses_others(whole):
    settings = Settings(engine="hub", module=str(whole["folder"]))
    frame = smooth_noise(9, (70, 90))
    picture = Painter(Styles(PAINTING, settings), settings)(frame)
    assert picture.shape == frame.shape and np.abs(picture - frame).max() > 0.05
    with pytest.raises(NstlibError, match="another painting"):
        Painter(Styles(1 - PAINTING, settings), settings)(frame)
    none = Settings(engine="hub", module=str(whole["folder"]), strength=0.0)
    np.testing.assert_allclose(Painter(Styles(PAINTING, none), none)(frame), frame, atol=1e-6)


def test_the_module_paints_as_the_network_that_was_learned(whole):
    frame = smooth_noise(9, (64, 96))
    module = load_module(str(whole["folder"]))._loaded
    exact = whole["run"]._graph
    exact.average.assign(whole["run"].best_weights)
    ours = exact.paint(frame, ALONE)
    theirs = np.clip(module.paint(frame[None], [[1.0]], 1.0).numpy()[0], 0, 1)
    np.testing.assert_allclose(theirs, ours, atol=0.02)  # float16 weights
    rough = np.clip(module.paint_bfloat16(frame[None], [[1.0]], 1.0).numpy()[0], 0, 1)
    assert np.abs(rough - ours).mean() < 0.02


def test_card_and_record_say_how_it_was_made(whole):
    record = json.loads((whole["folder"] / "nstlib.json").read_text())
    assert record["paintings"][0]["sha256"] == images.checksum(PAINTING) and record["steps"] == 12
    assert "12 steps" in (whole["folder"] / "card.md").read_text()


def test_tflite_paints_the_same(whole, tmp_path):
    assert write_tflite(whole["folder"], tmp_path / "noise.tflite", (65, 50)) < 0.02
    assert (tmp_path / "noise.tflite").stat().st_size < 4e6
    with pytest.raises(NstlibError, match="give 16 a side at least"):
        write_tflite(whole["folder"], tmp_path / "noise.tflite", (15, 64))


def test_a_module_of_an_older_network_paints_but_makes_no_file(whole, tmp_path):
    folder = shutil.copytree(whole["folder"], tmp_path / "older")
    record = json.loads((folder / "nstlib.json").read_text())
    (folder / "nstlib.json").write_text(json.dumps({k: v for k, v in record.items() if k != "network"}))
    assert load_module(str(folder)).learned
    with pytest.raises(NstlibError, match="learn it anew"):
        write_tflite(folder, tmp_path / "older.tflite", (64, 64))


@pytest.mark.slow
def test_onnx_paints_the_same(whole, tmp_path):
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
    assert write_onnx(whole["folder"], tmp_path / "noise.onnx") < 0.001
    picture = smooth_noise(9, (50, 70))[None]
    (module,) = load_module(str(whole["folder"]))._loaded(picture, PAINTING[None])
    painted = run_onnx((tmp_path / "noise.onnx").read_bytes(), picture)
    np.testing.assert_allclose(painted, np.clip(module, 0, 1), atol=0.001)


def test_several_paintings_share_a_network_and_blend_in_it(tmp_path):
    folder = tmp_path / "both"
    with pytest.raises(NstlibError, match="given twice"):
        learn([PAINTING, PAINTING], folder, photos=PHOTOS, lesson=LESSON)
    with eagerly():
        list(learn([PAINTING, ANOTHER], folder, photos=PHOTOS, lesson=replace(LESSON, steps=2)))
    module, content = load_module(str(folder)), PHOTOS[0]
    pictures = {
        names: module.painter([{"a": PAINTING, "b": ANOTHER}[n] for n in names], shares, 1.0, size=96)(content)
        for names, shares in (("a", [1.0]), ("b", [1.0]), ("ab", [1.0, 0.0]), ("ba", [0.5, 0.5]))
    }
    np.testing.assert_array_equal(pictures["ab"], pictures["a"])
    apart, between = (np.abs(pictures[name] - pictures["a"]).mean() for name in ("b", "ba"))
    assert 0.2 * apart < between < 0.8 * apart
    with pytest.raises(NstlibError, match="another painting"):
        module.painter([smooth_noise(9, (64, 64))], [1.0], 1.0, size=96)
    with pytest.raises(NstlibError, match="paints in 2 paintings, and a file holds one"):
        write_tflite(folder, tmp_path / "both.tflite")
    assert len(json.loads((folder / "nstlib.json").read_text())["paintings"]) == 2


def test_one_share_of_several_is_that_painting_to_the_bit():
    rng = np.random.default_rng(0)
    shapes = {"skip0/kernel": (4, 6), "skip0/bias": (6,), "block00/gain": (5,), "block00/kernel": (45, 5)}
    one, other = ({name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()} for _ in "ab")
    both = single.together([one, other | {"block00/kernel": one["block00/kernel"]}])
    assert both["skip0/kernel"].shape == (4, 12) and both["block00/kernel"].shape == (45, 5)
    for share, network in (((1, 0), one), ((0, 1), other)):
        mixed = single.mixed(both, np.float32(share))
        for name in ("skip0/kernel", "skip0/bias", "block00/gain"):
            np.testing.assert_array_equal(mixed[name], network[name])
    half = single.mixed(both, np.float32((0.5, 0.5)))["skip0/bias"]
    np.testing.assert_allclose(half, (one["skip0/bias"] + other["skip0/bias"]) / 2, rtol=1e-6)


@pytest.mark.parametrize("shape", [(90, 10), (10, 90), (16, 16)])
def test_an_orthogonal_direction_keeps_the_singular_vectors_and_makes_the_values_alike(shape):
    matrix = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonal(matrix).numpy() @ right.T
    values = np.diag(turned)
    np.testing.assert_allclose(turned, np.diag(values), atol=1e-4)
    assert values.min() > 0.6 and values.max() < 1.25


@pytest.mark.parametrize(("shape", "margin"), [((40, 56), 8), ((33, 17), 0), ((20, 24), 50)])
def test_what_is_beyond_the_border_mirrors_what_is_within(shape, margin):
    picture = smooth_noise(4, shape)
    wide = padded(tf.constant(picture[None]), margin)[0].numpy()
    height, width = (max(single.SMALLEST, -(-(n + 2 * margin) // 16) * 16) for n in shape)
    after = [(margin, n - side - margin) for n, side in zip((height, width), shape, strict=True)]
    np.testing.assert_array_equal(wide, np.pad(picture, [*after, (0, 0)], "symmetric"))


def test_motion_out_of_the_picture_is_not_within():
    flow = np.zeros((4, 6, 2), np.float32)
    flow[..., 0], flow[..., 1] = 2, -1
    inside = np.zeros((4, 6))
    inside[1:, :4] = 1
    np.testing.assert_array_equal(within(tf.constant(flow)), inside)


def test_motion_moves_the_twin_onto_the_first():
    picture = smooth_noise(3, (32, 48))
    flow = np.zeros((32, 48, 2), np.float32)
    flow[..., 0], flow[..., 1] = 3, -2
    moved = warped(np.roll(picture, (-2, 3), (0, 1)), flow).numpy()
    np.testing.assert_allclose(moved[4:-4, 4:-4], picture[4:-4, 4:-4], atol=0.02)


def test_of_twins_the_second_is_judged_for_both(traced):
    graph, batch = (
        traced(),
        {
            "content": np.stack([smooth_noise(i, (64, 64)) for i in (1, 2)]),
            "flow": np.zeros((64, 64, 2), np.float32),
            "trusted": np.zeros((64, 64), np.float32),
            "shares": ALONE,
        },
    )
    other = np.stack([smooth_noise(9, (64, 64)), *batch["content"][1:]])
    losses = [graph.step(batch | {"content": content}, 0.0, 1) for content in (batch["content"], other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    swapped = graph.step(batch | {"content": other[::-1]}, 0.0, 1)
    assert swapped != pytest.approx(losses[1], rel=1e-2)


def test_a_clip_lower_than_the_crops_is_enlarged_with_its_motion(untraced, tmp_path):
    picture = smooth_noise(3, (36, 64))
    flow = np.broadcast_to(np.float32((3, 0)), (36, 64, 2))
    pair = lessons.FramePair(picture, np.roll(picture, 3, 1), flow, np.ones((36, 64), np.float32))
    larger = lessons._enlarged(pair, 64)
    assert larger.a.shape == (64, 114, 3) and larger.c.shape == (64, 114)
    moved = warped(larger.b, larger.flow).numpy()
    np.testing.assert_allclose(moved[4:-4, 8:-12], larger.a[4:-4, 8:-12], atol=0.03)
    next(learn(PAINTING, tmp_path / "wide", neighbours=[pair], lesson=LESSON))


@pytest.mark.parametrize(
    ("painting", "photos", "message"),
    [
        (np.full((64, 64, 3), 0.5, np.float32), PHOTOS, "one colour"),
        (smooth_noise(0, (8, 8)), PHOTOS, "8 x 8 pixels"),
        (PAINTING, "nowhere", "no such folder"),
        (PAINTING, "empty", "no pictures in"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line(painting, photos, message, tmp_path):
    (tmp_path / "empty").mkdir()
    photos = tmp_path / photos if isinstance(photos, str) else photos
    with pytest.raises(NstlibError, match=message):
        learn(painting, tmp_path / "out", photos=photos, lesson=LESSON)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.learning").exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(NstlibError, match="exists already"):
        begin(tmp_path / "mine")
    with pytest.raises(NstlibError, match="is no module"):
        begin(tmp_path / "mine", fresh=True)
    with pytest.raises(NstlibError, match="style_size=10; give a number from 64"):
        Lesson(style_size=10)
