"""How much room text takes on a terminal: wide characters two cells, marks upon others none."""

import unicodedata


def cells(letter: str) -> int:
    """Return the cells of one character."""
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def room(text: str) -> int:
    """Return the cells of a text."""
    return len(text) if text.isascii() else sum(map(cells, text))


def filled(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with blanks up to so many cells: behind it, or before it where it stands to the right."""
    blanks = " " * (width - room(text))
    return blanks + text if right else text + blanks


def rows_below(text: str, columns: int) -> int:
    """Return how many rows below its beginning the cursor is behind a text without line breaks."""
    row = column = 0
    for letter in text:
        width = cells(letter)
        if column + width > columns:
            row, column = row + 1, 0
        column += width
    return row
