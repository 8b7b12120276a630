"""A number with its noun, as people read it: `1 vote`, `2 votes`."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and its noun; `many`: the plural, where it is more than `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
