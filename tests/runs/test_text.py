"""Names with letters that are not seen."""

from segexp.runs.text import printable, readable, shape_text, shortened, utf8


def test_control_characters_and_lines_are_told() -> None:
    assert printable("a\nb\x1b[31m\r\t\u202ec\udce9\x9b") == "a\\nb\\x1b[31m\\r\\t\\u202ec\\xe9\\x9b"
    assert readable("a\n\tb\x1b[31m\r") == "a\n\tb\\x1b[31m\\r"


def test_letters_of_the_world_stay() -> None:
    name = "Größe 图像 فارسی\u200cها e\u0301 👩\u200d🔬 a\u00a0b"
    assert printable(name) == name
    assert utf8(name).decode() == name
    assert utf8("caf\udce9") == b"caf\\xe9"


def test_long_names_keep_both_ends() -> None:
    assert shortened("a" * 50 + "end", 12) == "aaaaaaa…aend"
    assert len(shortened("x" * 500, 40)) == 40
    assert shortened("short", 5) == "short"


def test_a_side_that_differs_is_a_range() -> None:
    assert shape_text([14, 3, 48, 64], " × ") == "14 × 3 × 48 × 64"
    assert shape_text([14, 3, [40, 48], 64], "x") == "14x3x40–48x64"
