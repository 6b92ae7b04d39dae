"""What earlier frames may say: stillness is kept to the bit, motion is followed, a cut and an occlusion say nothing."""

from functools import partial

import cv2
import footage
import numpy as np
import pytest
from footage import texture

from nstlib.errors import NstlibError
from nstlib.video import consistency, flow

pan = partial(footage.pan, step=3)


def test_a_still_scene_is_held_to_the_bit():
    scene, painted, rng = texture(), texture(seed=1), np.random.default_rng(0)
    shot = consistency.Shot()
    shot.add(0, scene, painted)
    for i in range(1, 4):
        noisy = np.clip(scene + rng.normal(0, 0.01, scene.shape), 0, 1).astype(np.float32)
        found = shot.advance(i, noisy)
        shot.add(i, noisy, painted)
        assert found.held.mean() > 0.95 and np.array_equal(found.start[found.held], painted[found.held])


def test_what_has_changed_is_painted_until_it_settles():
    scene, painted = texture() * 0.5, texture(seed=1)
    shot, held = consistency.Shot(), []
    shot.add(0, scene, painted)
    for i in range(1, 20):
        frame = scene + np.float32(min(i, 4) / 255)  # below the limit from frame to frame, above it in the end
        found = shot.advance(i, frame)
        held.append(found.held.mean() > 0.95)
        assert np.array_equal(found.start[shot.age > 0], painted[shot.age > 0])
        shot.add(i, frame, painted)
    changed = held.index(False)
    assert 1 < changed < 4
    assert not any(held[changed : changed + consistency.SETTLING]) and all(held[changed + consistency.SETTLING :])


def test_what_is_held_weighs_in_the_temporal_loss():
    scene = texture()
    shot = consistency.Shot()
    for i in range(12):
        if i:
            found = shot.advance(i, scene)
        shot.add(i, scene, scene)
    assert (found.earlier[0][1][found.held] > 10).all()
    assert found.trusted == pytest.approx(1)


def test_a_pan_is_followed():
    source, painted = pan(2), pan(2, seed=1)
    shot = consistency.Shot()
    shot.add(0, source[0], painted[0])
    found = shot.advance(1, source[1])
    (warped, c), inside = found.earlier[0], np.s_[8:-8, 8:-8]
    assert not found.held.any()
    assert np.abs(found.start - painted[1])[inside].mean() < 0.02
    assert c[inside].mean() > 0.9 and (c[:, -2:] == 0).all()
    assert found.trusted > 0.8
    assert np.array_equal(warped[:, :80], found.start[:, :80])  # what comes in at the right begins as the content


def test_long_term_trust_is_what_nearer_frames_leave():
    calls = []

    def motion(number, other, frame, seen):
        calls.append((number, other))
        hidden = np.zeros((64, 96, 2), np.float32)
        if number - other == 1:
            hidden[:, :48] = 9  # there and back disagree on the left
        return np.zeros_like(hidden), hidden

    shot = consistency.Shot(reach=4, motion=motion)
    for i in range(5):
        shot.add(i, texture(), np.full((64, 96, 3), i / 10, np.float32))
    found = shot.advance(5, texture() + np.float32(0.05))  # lighter, so that nothing is held
    assert calls == [(5, 4), (5, 3)]  # 1 and 2 back; together they claim everything
    near, far = (c for _, c in found.earlier)
    assert (near[:, :46] == 0).all() and (near[:, 52:] == 1).all()
    assert np.allclose(near + far, 1)
    assert np.allclose(found.start[:, :46], 0.3) and np.allclose(found.start[:, 52:], 0.4)


def slow(n, speed=0.4):
    """A green disc that moves over blue, slowly enough for the flow to be taken for right where it uncovers it."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    discs = (np.clip(14.5 - np.hypot(x - 30 - speed * i, y - 32), 0, 1)[..., None] for i in range(n))
    blue, green = 0.5 + 0.1 * texture() * (0, 0, 1), 0.2 + 0.6 * texture(seed=2) * (0, 1, 0)
    return [np.float32(blue + disc * (green - blue)) for disc in discs]


def carried(frames):
    """What is left of the first frame when it is only carried on, and the shares of trust on the way."""
    shot, trust = consistency.Shot(), []
    shot.add(0, frames[0], frames[0])
    for i, frame in enumerate(frames[1:], 1):
        found = shot.advance(i, frame)
        trust.append(found.trusted)
        shot.add(i, frame, found.start)
    return found.start, trust


def test_what_a_slow_thing_uncovers_begins_anew(monkeypatch):
    frames = slow(40)
    uncovered = (frames[0][..., 1] > 0.55) & (frames[-1][..., 1] < 0.52)
    assert uncovered.sum() > 150
    assert np.abs(carried(frames)[0] - frames[-1])[uncovered].mean() < 0.1
    monkeypatch.setattr(consistency, "STALE", np.inf)
    assert np.abs(carried(frames)[0] - frames[-1])[uncovered].mean() > 0.15


def test_where_it_begins_anew_is_told():
    frames = pan(2)
    thing = frames[1].copy()
    thing[16:48, 30:70] = 1 - thing[16:48, 30:70]
    shot = consistency.Shot()
    shot.add(0, frames[0], frames[0])
    anew = shot.advance(1, thing).anew
    assert anew[22:42, 36:64].mean() > 0.8 and anew[:, :20].max() == 0


def test_where_all_begins_anew_nothing_is_apart():
    """Its statistics are the whole frame's, and for the rest there would be a mask that is black everywhere."""
    far = np.full((64, 96, 2), 500, np.float32)  # all of it comes from beyond the frame
    shot = consistency.Shot(motion=lambda *given: (far, far))
    for i in range(3):
        frame = texture(seed=i)[:64, :96]
        if i:
            found = shot.advance(i, frame)
            assert found.anew.min() > 0.9 and found.young is None
        shot.add(i, frame, frame)


def test_strips_that_begin_anew_are_young_together_for_some_frames():
    """A camera that moves by a pixel and a half: a sixtieth of the frame is new each time, too little by itself."""
    w = np.full((64, 96, 2), (1.5, 0), np.float32)
    shot, frame = consistency.Shot(motion=lambda *_: (w, -w)), np.full((64, 96, 3), 0.5, np.float32)
    shot.add(0, frame, frame)
    found = []
    for i in range(1, 13):
        frame = frame + np.float32(0.02 * (-1) ** i)  # so that nothing is held
        found.append(shot.advance(i, frame))
        shot.add(i, frame, frame)
    assert all(guide.anew is None for guide in found)
    assert found[0].young is None and sum(guide.young is not None for guide in found) > 6
    young = found[-1].young if found[-1].young is not None else found[-2].young
    assert 0.02 < young.mean() < 0.1
    assert young[:, -2:].min() > young[:, -8:-6].max() > young[:, :64].max() == 0


def test_the_blur_of_a_fast_thing_is_no_other_thing():
    """A local change of 0.12 is another thing where it stands or is slow, and the same one where it passes fast."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    spot = np.float32(0.12) * np.exp(-((x - 40) ** 2 + (y - 32) ** 2) / 50)[..., None]
    for step, begins in ((1, True), (12, False)):
        w = np.full((64, 96, 2), (step, 0), np.float32)
        shot, frame = consistency.Shot(motion=lambda *_, w=w: (w, -w)), np.full((64, 96, 3), 0.5, np.float32)
        shot.add(0, frame, frame)
        trust = shot.advance(1, frame + spot).earlier[0][1]
        assert (trust[32, 40] < 0.5) == begins


@pytest.mark.parametrize(("step", "begins"), [(8, True), (0.5, False)])
def test_what_comes_from_beyond_the_frame_begins_anew(step, begins):
    """There is no paint for it: the border's, repeated, would be a streak. Of less than a pixel none would be seen."""
    w = np.full((64, 96, 2), (step, 0), np.float32)
    shot = consistency.Shot(motion=lambda *_: (w, -w))
    frame, result = np.full((64, 96, 3), 0.5, np.float32), texture(seed=3)  # a wall, whose source tells nothing
    shot.add(0, frame, result)
    found = shot.advance(1, frame + np.float32(0.02))
    assert (found.anew is not None) == begins
    assert not begins or (found.anew[:, -4:].min() > 0.9 and found.anew[:, :-16].max() == 0)
    assert (np.abs(np.diff(found.start[:, -4:], axis=1)).max() < 0.3 * np.abs(np.diff(result, axis=0)).max()) == begins


def test_a_change_of_light_is_no_reason_to_begin_anew():
    frames = [0.5 * frame + np.float32(0.01 * i) for i, frame in enumerate(pan(20))]
    painted, trust = carried(frames)
    darker = cv2.GaussianBlur(frames[-1] - painted, (0, 0), 3)[16:-16, 16:32]  # as far behind as the light has risen
    assert min(trust[1:]) > 0.9 * trust[0]
    assert darker.min() > 0.1


def test_what_paint_was_made_for_is_part_of_the_state():
    frames = slow(12)
    shot, other = consistency.Shot(), consistency.Shot()
    for i, frame in enumerate(frames[:-1]):
        start = shot.advance(i, frame).start if i else frame
        shot.add(i, frame, start)
    other.add(10, frames[-2], start)
    other.restore(shot.state())
    for mine, theirs in zip(
        shot.advance(11, frames[-1]).earlier[0], other.advance(11, frames[-1]).earlier[0], strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(shot.made_for, other.made_for)


def test_repeated_warps_keep_brightness_and_sharpness():
    source, painted = pan(40, step=1), pan(40, step=1, seed=1, sigma=1)
    shot = consistency.Shot()
    shot.add(0, source[0], painted[0])
    for i in range(1, 40):
        found = shot.advance(i, source[i])
        shot.add(i, source[i], found.start)
    inside = np.s_[8:-8, 8:40]
    assert found.start[inside].mean() == pytest.approx(painted[39][inside].mean(), rel=0.02)
    assert (
        cv2.Laplacian(found.start, cv2.CV_32F)[inside].std()
        > 0.8 * cv2.Laplacian(painted[39], cv2.CV_32F)[inside].std()
    )


def test_a_later_pass_meets_its_neighbour_half_way():
    source = pan(2)
    flows = consistency.estimated("fine")(0, 1, *source)
    own, result = np.zeros((64, 96, 3), np.float32), np.ones((64, 96, 3), np.float32)
    found = consistency.between(own, source[0], source[1], result, flows)
    c = found.earlier[0][1]
    assert np.allclose(found.start, 0.5 * c[..., None].repeat(3, -1))


def test_given_flow_is_read_and_scaled(tmp_path):
    w = np.full((32, 48, 2), 2, np.float32)
    flow.write_flo(tmp_path / "backward_2_1.flo", w)
    flow.write_flo(tmp_path / "forward_1_2.flo", -w)
    motion = consistency.precomputed(tmp_path)
    here, back = motion(1, 0, texture(), texture())
    assert np.allclose(here, 4) and np.allclose(back, -4) and here.shape == (64, 96, 2)
    with pytest.raises(NstlibError, match=r"backward_3_2\.flo"):
        motion(2, 1, texture(), texture())
    with pytest.raises(NstlibError, match="no folder"):
        consistency.precomputed(tmp_path / "nowhere")


def test_a_guide_is_drawn_to_another_result_but_for_what_is_held_and_alike():
    start, target = texture(seed=1), texture(seed=2)
    target[:20] = start[:20] + np.float32(1 / 255)
    held = np.zeros(start.shape[:2], bool)
    held[:40] = True
    given = consistency.Guide(start, ((start, np.ones(held.shape, np.float32)),), held)
    found = consistency.drawn(given, target, 0.25)
    assert found.held[:20].all() and not found.held[40:].any() and found.held[20:40].mean() < 0.1
    assert np.array_equal(found.start[:20], start[:20])
    assert np.allclose(found.start[40:], 0.75 * start[40:] + 0.25 * target[40:], atol=1e-6)
    assert np.allclose(consistency.drawn(given, target, 1.0).start[40:], target[40:], atol=1e-6)
    ((stay, weight),) = found.earlier
    assert np.array_equal(stay, found.start) and weight.min() > 1
