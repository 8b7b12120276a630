"""Drawings of shelves for reviewers, where a set has no pictures of its own.

Deterministic from the item's id, and drawn from nothing else than what the question shows: the
truth is not in them.
"""

import colorsys
import hashlib
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 320
HEIGHT: Final = 150
LONGEST_NAME: Final = 14
MOST_PRODUCTS: Final = 6


def shelf_picture(item: str, products: Sequence[str]) -> str:
    """Return an SVG of at most 2 KiB: a shelf with its products, and a hand where something happened."""
    shown = list(products[:MOST_PRODUCTS]) or [item]
    digest = hashlib.sha256(item.encode()).digest()
    step = WIDTH / len(shown)
    fronts = "".join(_front(place, product, step) for place, product in enumerate(shown))
    hand = (digest[0] + 0.5) / 256 * WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
        f'<title>{escape(_short(item))}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f1ea"/>'
        f'{fronts}<rect y="112" width="{WIDTH}" height="6" fill="#8a8173"/>'
        f'<circle cx="{hand:.0f}" cy="{60 + digest[1] % 40}" r="15" fill="none" stroke="#b42318" stroke-width="3"/>'
        f"</svg>\n"
    )


def _front(place: int, product: str, step: float) -> str:
    digest = hashlib.sha256(product.encode()).digest()
    left, height = place * step, 50 + digest[0] % 45
    middle = left + step / 2
    return (
        f'<rect x="{left + 4:.0f}" y="{112 - height}" width="{step - 8:.0f}" height="{height}" rx="4" '
        f'fill="{_colour(digest)}"/>'
        f'<text x="{middle:.0f}" y="134" font-size="7" text-anchor="middle">{escape(_short(product))}</text>'
    )


def _colour(digest: bytes) -> str:
    red, green, blue = colorsys.hsv_to_rgb(digest[1] / 255, 0.35 + digest[2] / 730, 0.85)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _short(text: str) -> str:
    clean = "".join(sign if sign.isprintable() else "?" for sign in text)
    return clean if len(clean) <= LONGEST_NAME else f"{clean[: LONGEST_NAME - 1]}…"
