"""The file layout of segmentation_WBC: images, masks and types of cells of one of its two sets."""

import csv
from pathlib import Path

from segexp.data.datasets.paired import check_root, holding, named, unpaired
from segexp.data.files import Listing, Pair
from segexp.errors import DataError
from segexp.system.special_files import special_file

TYPES = {1: "neutrophil", 2: "lymphocyte", 3: "monocyte", 4: "eosinophil", 5: "basophil"}
"""Types of cells by their number in the tables."""


def scan(root: Path, number: int) -> Listing:
    """Finds the images of ``Dataset 1`` or ``Dataset 2`` with masks and types; opens only the table of types.

    Args:
        root: Folder that holds ``Dataset 1``, ``Dataset 2`` and a table ``Class Labels of Dataset N.csv`` for each.
        number: 1 or 2.

    Raises:
        DataError: The folder is missing or empty, or its table is missing or none.
    """
    check_root(root, "Dataset 1, Dataset 2 and the tables Class Labels of Dataset 1.csv and 2.csv")
    folder = root / f"Dataset {number}"
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (datamodule.root={root} holds {holding(root)})")
    listing = Listing()
    files = named(folder, r"(\d+\.(?:bmp|png))", "segmentation_WBC", listing.notes)
    images = {Path(name).stem: path for name, path in files.items() if path.suffix == ".bmp"}
    masks = {Path(name).stem: path for name, path in files.items() if path.suffix == ".png"}
    if not images:
        raise DataError(f"{folder}: no image named NNN.bmp")
    listing.problems += unpaired(images, masks, lambda stem: folder / f"{stem}.png", "its mask")
    types = _types(root / f"Class Labels of Dataset {number}.csv", images, listing)
    listing.pairs = [
        Pair(f"set{number}_{stem}", image, masks[stem], group=kind, stratum=f"{number} {kind}")
        for stem, image in images.items()
        if stem in masks and (kind := types.get(int(stem))) is not None
    ]
    return listing


def _types(table: Path, images: dict[str, Path], listing: Listing) -> dict[int, str]:
    """Types by image number; what does not fit goes to the problems, rows of images that are not there to the notes."""
    numbers = {int(stem) for stem in images}
    types = _read_types(table, listing.problems)
    listing.problems += [f"{images[s]}: no row for image {int(s)} in {table}" for s in images if int(s) not in types]
    unused = len(set(types) - numbers)
    if unused:
        listing.notes.append(f"{table}: {unused} of {len(types)} rows are of images that are not there")
    return {number: TYPES[kind] for number, kind in types.items() if kind in TYPES}


def _read_types(table: Path, problems: list[str]) -> dict[int, int]:
    """Number of the type by number of the image; the two tables have different headers, which are passed over."""
    if (what := special_file(table)) is not None:
        raise DataError(f"{table}: is {what}, expected a table")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise DataError(
            f"{table}: no such file; it gives the type of each cell (image number, 1 to 5), by which images are split "
            "and scored"
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a table ({error}); copy it again from its source") from error
    types: dict[int, int] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            image, kind = (int(cell) for cell in row[:2])
        except ValueError:
            problems.append(f"{table}, line {line}: found {','.join(row)}, expected an image number and a type")
            continue
        if kind not in TYPES:
            problems.append(f"{table}, line {line}: found type {kind}, expected 1 to 5 ({', '.join(TYPES.values())})")
        if types.setdefault(image, kind) != kind:
            problems.append(f"{table}, line {line}: image {image} is there twice, as type {types[image]} and {kind}")
    return types
