"""The package's errors and notes: one clear line that shows what arrived and says what to do."""

import warnings
from collections.abc import Iterable


class NstlibError(Exception):
    """A mistake the user can mend; the command line prints it as one line and exits with 1.

    >>> try:
    ...     nst.Settings(size=3)
    ... except nst.NstlibError as error:
    ...     print(error)
    size=3; give a whole number from 16 to 20000
    """

    def __str__(self) -> str:
        return " ".join(super().__str__().splitlines())  # whatever a file's name or a library's text holds


def choose(name: str, value: object, table: Iterable[str]) -> NstlibError:
    """`name='value'; choose from a, b, c`: the error for a choice that is not in its table."""
    return NstlibError(f"{name}={value!r}; choose from {', '.join(table)}")


class NstlibNote(UserWarning):
    """Something done on the user's behalf that changes the result; the command line prints it as one line."""


def note(text: str) -> None:
    """Tell of it once, as a warning of the kind `NstlibNote`; the work goes on."""
    warnings.warn(" ".join(text.splitlines()), NstlibNote, stacklevel=2)
