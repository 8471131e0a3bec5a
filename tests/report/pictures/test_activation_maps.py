import numpy as np

from segexp.report.pictures.activation_maps import draw_maps, overlay_map


def test_high_is_red_and_low_is_blue() -> None:
    image = np.full((40, 60, 3), 100, np.uint8)
    values = np.zeros((40, 60), np.float32)
    values[10:20, 30:50] = 3
    shown = overlay_map(image, values)
    assert shown.shape == (40, 60, 3)
    red, green, blue = shown[15, 40].astype(int)
    assert red > blue + 50
    assert green < red
    assert shown[35, 5, 2] > int(shown[35, 5, 0]) + 50


def test_peaks_and_boxes_are_marked_where_they_are() -> None:
    image, values = np.zeros((200, 300, 3), np.uint8), np.zeros((200, 300), np.float32)
    plain = overlay_map(image, values)
    boxes = np.array([[20.0, 30.0, 80.0, 90.0]])
    marked = (overlay_map(image, values, [(250, 150), (150, 60)], boxes) != plain).any(axis=2)
    assert marked[30, 20:80].all()
    assert marked[150, 250]  # a cross
    assert not marked[60, 150]  # a circle around it
    assert marked[60, 143]
    assert not marked[100:140, 100:230].any()


def test_large_images_become_small_pictures() -> None:
    image, values = np.zeros((600, 2048, 3), np.uint8), np.zeros((600, 2048), np.float32)
    plain = overlay_map(image, values)
    assert plain.shape == (300, 1024, 3)
    marked = (overlay_map(image, values, [(1000, 400)]) != plain).any(axis=2)
    assert marked[200, 500]


def test_maps_stand_in_rows_of_four() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    maps = {f"map {number}": np.random.default_rng(number).random((40, 60)).astype(np.float32) for number in range(5)}
    drawn = draw_maps(image, maps, "a: lymphoblast 0.9")
    one = draw_maps(image, {"map 0": maps["map 0"]}, "a")
    assert drawn.dtype == np.uint8
    assert drawn.shape[1] == one.shape[1]
    # Six pictures: two rows below one title; the last two places stay white.
    assert drawn.shape[0] - one.shape[0] == (one.shape[0] - 38)
    assert (drawn[-100:, -300:] == 255).all()
