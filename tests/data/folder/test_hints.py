"""Notes on what lies in a folder and is not used."""

from segexp.data.folder.hints import note_unused_images


def test_few_files_are_named_and_many_are_counted_by_folder() -> None:
    images = ["a/0.png", "a/1.png", "b/0.png", "cover.png"]
    assert note_unused_images(images, images) == []
    assert note_unused_images(images, ["a/0.png", "a/1.png", "b/0.png"]) == ["not used: cover.png"]
    assert note_unused_images(images, []) == ["not used: a (2 files), b (1 file), the folder itself (1 file)"]
