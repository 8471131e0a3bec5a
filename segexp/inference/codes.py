"""``encode`` and ``decode``: images to codes in a table, and a code to its image."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segexp.config.command_schema import DecodeConfig, EncodeConfig
from segexp.data.items.item import Item
from segexp.errors import ConfigError, DataError
from segexp.evaluation.latents import Latents
from segexp.inference.autoencoder import AutoencoderModel, load_autoencoder
from segexp.inference.predict.inputs import find_inputs
from segexp.report.charts.files import render_charts
from segexp.report.pictures.png import save_png
from segexp.report.pictures.side_by_side import unit_pixels
from segexp.report.run_page.charts.latents import latent_charts, place_in_plane
from segexp.runs.console import start_console
from segexp.runs.files import replace_file
from segexp.training.building.datamodule import build_datamodule


def encode_images(config: EncodeConfig) -> str:
    """Writes the codes of images as CSV.

    Args:
        config: Checked and resolved, see conf/encode.yaml.

    Returns:
        The last line for the terminal.

    Raises:
        UserError: Run, images or output are at fault.
    """
    start_console()
    model = load_autoencoder(
        config.run,
        config.checkpoint,
        device=config.device,
        image_limit=config.image_limit,
        trust=_trusted(config.trust),
    )
    output = Path(config.output).expanduser()
    rows = list(_own_rows(model, config) if config.input is None else _file_rows(model, config, output))
    names = list(dict.fromkeys(name for row in rows for name in row))
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return f"codes of {len(rows)} images written to {output}"


def _trusted(trust: str | list[str]) -> list[str]:
    return [trust] if isinstance(trust, str) else trust


def _file_rows(model: AutoencoderModel, config: EncodeConfig, output: Path) -> Iterator[dict[str, Any]]:
    for file in find_inputs(config.input or "", output):
        if not file.is_here:
            raise DataError(f"input: {file} is not on this machine, and encode reads files of this machine alone")
        yield {"image": file.address, **_numbered(model.encode(file.address))}


def _own_rows(model: AutoencoderModel, config: EncodeConfig) -> Iterator[dict[str, Any]]:
    """Of the run's own images, with their classes where these are known."""
    datamodule = build_datamodule(model.config.datamodule)
    datamodule.setup()
    latents = Latents(model.task, datamodule)
    for item in datamodule.items(config.phase):
        name = latents.class_of(item)
        yield {"image": item.name, **({} if name is None else {"class": name}), **_of_item(model, item)}


def _of_item(model: AutoencoderModel, item: Item) -> dict[str, float]:
    return _numbered(model.encode(np.asarray(item.image)))


def _numbered(code: Any) -> dict[str, float]:
    """The numbers of a code, those of a map of codes place by place."""
    return {f"code_{n}": round(float(number), 6) for n, number in enumerate(np.ravel(code), start=1)}


def decode_code(config: DecodeConfig) -> str:
    """Writes the image of a code, and the code among those of the run's test.

    Args:
        config: Checked and resolved, see conf/decode.yaml.

    Returns:
        The last line for the terminal.

    Raises:
        UserError: Run, code or output are at fault.
    """
    start_console()
    output = Path(config.output).expanduser()
    if output.suffix.lower() != ".png":
        raise ConfigError(f"output: found {config.output}, expected a file that ends with .png; use output=decoded.png")
    model = load_autoencoder(config.run, config.checkpoint, device=config.device, trust=_trusted(config.trust))
    if len(config.latent) != model.latent:
        raise ConfigError(
            f"latent: found {len(config.latent)} numbers, expected {model.latent}, one for each of a code"
        )
    image = unit_pixels(model.decode(config.latent))
    save_png(output, image[..., 0] if image.shape[2] != 3 else image)
    written = [str(output)]
    if (chart := _among_others(model, config.latent)) is not None:
        beside = output.with_name(f"{output.stem}_codes.png")
        replace_file(beside, chart)
        written.append(str(beside))
    return f"written: {', '.join(written)}"


def _among_others(model: AutoencoderModel, latent: list[float]) -> bytes | None:
    """The codes of the run's test with this one marked, as PNG; None where the run folder does not hold them."""
    folder, results = model.source.folder, model.source.results
    if folder is None or not isinstance(known := results.get("latents"), dict):
        return None
    point = {"latent": list(latent), "place": place_in_plane(latent, known)}
    charts = latent_charts(folder / "latents.csv", {**results, "latents": {**known, "point": point}})
    return render_charts(charts, "png") if charts else None
