"""The root of all errors that a caller can act on.

An error states a fact and knows no HTTP; `api/problems.py` alone maps `kind` to a status.
"""


class AdjudgeError(Exception):
    """A fact that the caller can act on, with a JSON pointer to the field it is about."""

    kind = "internal"

    def __init__(self, detail: str, *, pointer: str = "#") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
