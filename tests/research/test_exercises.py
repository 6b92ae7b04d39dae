"""An answer is right, wrong, or not there yet; numbers within a share, words whatever their case."""

import numpy as np
import pytest

from nstlib.research.exercises import check

RIGHT = [("Content ", "content", 0.0), (True, True, 0.0), (0.45, 0.5, 0.2), (3, 3, 0.0), (False, np.False_, 0.0)]
WRONG = [("style", "content", 0.0), (False, True, 0.0), (0.3, 0.5, 0.2), ("3", 3, 0.0)]


@pytest.mark.parametrize(("answer", "expected", "within"), RIGHT)
def test_a_right_answer(capsys, answer, expected, within):
    check(answer, expected, "the curves", within=within)
    assert capsys.readouterr().out == f"Right: {expected}.\n"


@pytest.mark.parametrize(("answer", "expected", "within"), WRONG)
def test_a_wrong_answer_says_where_to_look_and_not_what_is_right(capsys, answer, expected, within):
    check(answer, expected, "the curves", within=within)
    assert capsys.readouterr().out == f"Not {answer}. Look at the curves.\n"


def test_before_an_answer_nothing_is_given_away(capsys):
    check(None, False, "the curves")
    assert capsys.readouterr().out == "Your turn.\n"
