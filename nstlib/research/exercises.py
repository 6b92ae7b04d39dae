"""What a chapter's exercise says to an answer."""

from typing import Any


def check(answer: Any, expected: Any, look: str, *, within: float = 0.0) -> None:
    """Print "Right", or where to look, which may tell more than one should know before an answer is given.

    answer: a word, a number, True or False, as `expected` is; None is none yet. look: where the answer is to be seen.
    within: how far from it a number may be, as a share of it.

    >>> nst.check(None, "style", "the two curves above")
    Your turn.
    >>> nst.check("content", "style", "the two curves above")
    Not content. Look at the two curves above.
    >>> nst.check(0.5, 0.52, "the table above", within=0.1)
    Right: 0.52.
    """
    if answer is None:
        print("Your turn.")
    elif _agree(answer, expected, within):
        print(f"Right: {expected}.")
    else:
        print(f"Not {answer}. Look at {look}{'' if look[-1:] in ('.', '?') else '.'}")


def _agree(answer: Any, expected: Any, within: float) -> bool:
    if isinstance(answer, str) and isinstance(expected, str):
        return answer.strip().casefold() == expected.casefold()
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (answer, expected))
    return abs(answer - expected) <= within * abs(expected) if numbers else answer == expected
