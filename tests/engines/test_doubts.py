from dataclasses import replace

import pytest

from nstlib.core.run import Run
from nstlib.engines.doubts import doubt


def said(run):
    return {step.number: line for step in run if (line := doubt(run))}


def test_a_term_that_cannot_show_is_said_after_the_second_step(content, style, small):
    lines = said(Run(content, style, replace(small, style_weight=1e-7)))
    assert list(lines) == [2]
    assert "style" in lines[2] and "raise style_weight" in lines[2] and "\n" not in lines[2]
    (line,) = said(Run(content, style, replace(small, content_weight=1e-9, init="noise"))).values()
    assert line.startswith("content is") and "raise content_weight" in line


def test_a_style_loss_that_has_not_moved_is_said_at_the_end(content, style, small):
    lines = said(Run(content, style, replace(small, style_weight=1e-3, content_weight=1e3, tv_weight=0, steps=20)))
    assert "what it was at the start" in lines[20] and "raise style_weight" in lines[20]


@pytest.mark.parametrize("change", [{}, {"style_weight": 0.0}, {"content_weight": 0.0, "init": "noise"}])
def test_settings_that_work_and_weights_of_0_are_not_doubted(content, style, small, change):
    assert not said(Run(content, style, replace(small, steps=20, **change)))
