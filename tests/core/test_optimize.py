import numpy as np
import pytest
import tensorflow as tf

from nstlib.core.optimize import Adam
from nstlib.core.speed.lbfgs import LBFGS, _free, laplacian_pyramid

SHAPE = (12, 16, 3)
rng = np.random.default_rng(0)
GOAL = tf.constant(rng.uniform(0.2, 0.8, SHAPE), tf.float32)
STIFFNESS = tf.constant(np.geomspace(1, 300, np.prod(SHAPE)).reshape(SHAPE), tf.float32)
START = tf.fill(SHAPE, 0.5)


def quadratic(x):
    """½ Σ k (x − goal)², with a condition number of 300."""
    return tf.reduce_sum(STIFFNESS * (x - GOAL) ** 2) / 2, STIFFNESS * (x - GOAL), None


def optimisers():
    return [Adam(START), LBFGS(START), LBFGS(START, precondition=laplacian_pyramid())]


@pytest.mark.parametrize("optimiser", optimisers(), ids=["adam", "lbfgs", "preconditioned"])
def test_a_quadratic_falls_towards_its_minimum(optimiser):
    first, _ = optimiser.step(quadratic)
    for _ in range(400):
        last, _ = optimiser.step(quadratic)
    assert last < 0.01 * first


def moves(optimiser):
    return sum(len(block) for block in optimiser._history.blocks) // 2


@pytest.mark.parametrize(("memory", "steps"), [(3, 6), (9, 5), (9, 14), (20, 40)])
def test_lbfgs_is_the_textbooks_two_loop_recursion(memory, steps):
    optimiser = LBFGS(START, memory=memory)
    pairs = []
    for _ in range(steps):
        x, last = optimiser.x, optimiser._last
        kept = moves(optimiser)
        optimiser.step(quadratic)
        optimiser._aim()  # else the next step's first act
        if last is not None and optimiser.x is not x:
            s, y = (optimiser.x - x).numpy().ravel(), (optimiser._last.free - last.free).numpy().ravel()
            pairs = [*pairs, (s.astype(float), y.astype(float))][-1 - kept :]  # the new one too
        assert kept < memory
    q, alphas = optimiser._last.free.numpy().ravel().astype(float), []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q = q - alphas[-1] * y
    r = q * optimiser._reach * (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1])
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        r = r + s * (alpha - y @ r / (s @ y))
    np.testing.assert_allclose(optimiser._direction.numpy().ravel(), -r, atol=1e-4 * np.abs(r).max())


def test_lbfgs_never_raises_the_loss_and_stays_in_the_unit_cube():
    far = tf.constant(rng.uniform(-1, 2, SHAPE), tf.float32)
    optimiser, best = LBFGS(START), np.inf
    for _ in range(80):
        loss, _ = optimiser.step(lambda x: (tf.reduce_sum((x - far) ** 4), 4 * (x - far) ** 3, None))
        assert loss <= best
        best = loss
    np.testing.assert_allclose(optimiser.x, np.clip(far, 0, 1), atol=0.15)
    assert optimiser.x.numpy().min() >= 0 and optimiser.x.numpy().max() <= 1


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_the_free_gradient_lacks_what_pushes_a_pixel_out_and_nothing_else(scale):
    x, g = rng.choice([0, 1e-6, 0.5, 1 - 6e-8, 1], SHAPE).astype(np.float32), scale * rng.normal(size=SHAPE)
    g = g.astype(np.float32)
    out = (x <= 0) & (g > 0) | (x >= 1) & (g < 0)
    np.testing.assert_array_equal(_free(tf.constant(x), tf.constant(g)), np.where(out, 0, g))


@pytest.mark.parametrize(("higher", "kept"), [(1.04, True), (1.2, False)])
def test_lbfgs_goes_on_in_finer_arithmetic_unless_the_loss_is_much_higher(higher, kept):
    optimiser = LBFGS(START)
    for _ in range(60):
        optimiser.step(quadratic)
    before, rows = optimiser._last.loss, moves(optimiser)
    optimiser.refine()
    loss, _ = optimiser.step(lambda x: (tf.constant(higher * before), *quadratic(x)[1:]))
    assert loss == pytest.approx(higher * before if kept else before)
    assert moves(optimiser) >= rows - 1  # the curvature stays
    assert optimiser.step(lambda x: (tf.constant(1.04 * loss), *quadratic(x)[1:]))[0] == loss or not kept  # once


def test_a_reweighed_lbfgs_looks_first_and_then_goes_on_as_before_whatever_the_loss_is_multiplied_by():
    ours, other = LBFGS(START), LBFGS(START)
    for optimiser in (ours, other):
        for _ in range(20):
            optimiser.step(quadratic)
        optimiser.reweigh()
        x = optimiser.x
    assert other.step(lambda x: (8 * quadratic(x)[0], 8 * quadratic(x)[1], None))[0] == 8 * ours.step(quadratic)[0]
    np.testing.assert_array_equal(ours.x, x)
    for _ in range(8):
        ours.step(quadratic)
        other.step(lambda x: (8 * quadratic(x)[0], 8 * quadratic(x)[1], None))
    np.testing.assert_array_equal(ours.x, other.x)
    assert quadratic(ours.x)[0] < 0.5 * quadratic(x)[0]


def test_lbfgs_leaves_a_minimum_that_has_hardly_moved():
    def moved(x):
        return tf.reduce_sum((x - GOAL - 1e-5) ** 2), 2 * (x - GOAL - 1e-5), None

    optimiser = LBFGS(GOAL)
    losses = [optimiser.step(moved)[0] for _ in range(20)]  # the first moves are a thousand times too long
    assert losses[-1] < 0.1 * losses[0]


def test_lbfgs_looks_for_a_move_only_when_there_is_a_next_step(monkeypatch):
    def unasked(*_, **__):
        raise AssertionError

    optimiser = LBFGS(START)
    with monkeypatch.context() as broken:
        broken.setattr("nstlib.core.speed.lbfgs.advance", unasked)
        first, _ = optimiser.step(quadratic)
        with pytest.raises(AssertionError):
            optimiser.step(quadratic)
    optimiser.restore(LBFGS(START).state())
    assert optimiser.step(quadratic)[0] == first > optimiser.step(quadratic)[0]


@pytest.mark.parametrize("make", [Adam, LBFGS])
def test_a_restored_optimiser_goes_on_as_if_it_had_never_stopped(make):
    whole, other = make(START), make(START)
    for _ in range(5):
        whole.step(quadratic)
    other.restore(whole.state())
    for _ in range(7):
        whole.step(quadratic)
        other.step(quadratic)
    np.testing.assert_array_equal(whole.x, other.x)


def test_adam_is_kerass():
    import keras

    variable = keras.Variable(START)
    reference = keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=1e-7)
    ours = Adam(START, epsilon=1e-7)
    for _ in range(5):
        reference.apply([quadratic(tf.convert_to_tensor(variable))[1]], [variable])
        ours.step(quadratic)
    np.testing.assert_allclose(ours.x, variable.numpy(), atol=1e-5)


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_preconditioner_is_symmetric_and_positive(mirrored):
    p = laplacian_pyramid(mirrored=mirrored)
    a, b = (tf.constant(rng.normal(size=(1, 13, 18, 3)), tf.float32) for _ in range(2))
    np.testing.assert_allclose(tf.reduce_sum(a * p(b)), tf.reduce_sum(b * p(a)), rtol=1e-4)
    assert tf.reduce_sum(a * p(a)) > 0


def test_a_mirrored_preconditioner_treats_the_border_as_the_middle():
    constant = laplacian_pyramid()(tf.ones((1, 32, 48, 3)))
    np.testing.assert_allclose(constant, np.broadcast_to(constant[0, 16, 16], constant.shape), rtol=1e-5)


@pytest.mark.parametrize("make", [Adam, LBFGS])
def test_a_loss_that_is_not_finite_stops_the_run(make):
    with pytest.raises(FloatingPointError, match="nan"):
        make(START).step(lambda x: (tf.constant(float("nan")), x, None))
