"""Colours of classes in panels and reports, and names of colours."""

import colorsys
import re
from functools import cache

from PIL import ImageColor

from segexp.errors import ConfigError

Colour = tuple[int, int, int]
FIRST: tuple[Colour, ...] = (
    (40, 40, 48), (240, 140, 40), (60, 150, 150), (120, 94, 210), (222, 72, 84), (180, 195, 255), (165, 45, 0),
    (45, 255, 45), (105, 60, 105), (225, 180, 165), (15, 15, 180), (165, 135, 240),
)  # fmt: skip
"""Background, then colours that are told apart with any colour vision."""
GOLDEN = 0.618034
"""Share of the circle of hues from one further colour to the next: they never come close soon."""


def choose_class_colours(count: int) -> list[Colour]:
    """Chooses as many colours as asked for, all different."""
    colours = list(FIRST[:count])
    place = 0
    while len(colours) < count:
        place += 1
        red, green, blue = colorsys.hsv_to_rgb(place * GOLDEN % 1, 0.45 + 0.1 * (place % 5), 0.95 - 0.1 * (place % 4))
        colour = (round(red * 255), round(green * 255), round(blue * 255))
        colours += [colour] if colour not in colours else []
    return colours


def parse_colour(text: str, key: str) -> Colour:
    """``#ff0000``, ``255 0 0``, ``255,0,0`` or the name of a colour of the web.

    Raises:
        ConfigError: It is none of these.
    """
    numbers = [int(number) for number in re.findall(r"\d+", text)] if re.fullmatch(r"[\d\s,()\[\]]+", text) else []
    if len(numbers) == 3 and max(numbers) <= 255:
        return numbers[0], numbers[1], numbers[2]
    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError as error:
        raise ConfigError(f"{key}: found {text!r}, expected a colour as '#ff0000', '255 0 0' or red") from error
    return red, green, blue


def name_colour(colour: Colour) -> str:
    """Its name on the web, else its numbers: ``maroon``, ``colour_255_128_64``."""
    return _names().get(colour) or "colour_" + "_".join(map(str, colour))


@cache
def _names() -> dict[Colour, str]:
    names: dict[Colour, str] = {}
    for name, code in ImageColor.colormap.items():
        red, green, blue = ImageColor.getrgb(code if isinstance(code, str) else name)[:3]
        names.setdefault((red, green, blue), name)
    return names
