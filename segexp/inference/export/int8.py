"""Static quantisation for onnxruntime: convolutions in 8 bits, measured against the file that it is made of."""

import contextlib
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from segexp.data.items.item import Item
from segexp.inference.export.format import ExportedCall
from segexp.inference.export.images import image_and_mask
from segexp.inference.export.onnx_file import OnnxRun
from segexp.inference.export.output_file import format_megabytes, write_if_good
from segexp.metrics.counts import confusion
from segexp.metrics.measures import measures
from segexp.report.table import Table
from segexp.runs.console import LOG

QUANTISED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "MaxPool", "AveragePool", "Concat", "Relu", "Resize")
"""Operations in 8 bits; scaling, statistics of the image and probabilities stay in float32."""

PERCENTILE = 99.99
CALIBRATED = 512
"""Of larger training images the middle gives the ranges."""


@dataclass(frozen=True)
class Int8:
    """A quantised file beside the one in float32.

    Attributes:
        files: Both, float32 first.
        classes: Their names.
        iou: Of both, per class (2, classes); nan: the class is nowhere.
        images: How many test images these are of.
        calibration: How many training images gave the ranges.
        run: What the quantised file computes.
    """

    files: tuple[Path, Path]
    classes: tuple[str, ...]
    iou: NDArray[np.float64]
    images: int
    calibration: int
    run: ExportedCall

    def as_text(self) -> str:
        """Formats a table of both files: size and IoU of each class."""
        rows = [
            (path.name, format_megabytes(path), f"{np.nanmean(iou):.4f}", *(f"{value:.4f}" for value in iou))
            for path, iou in zip(self.files, self.iou, strict=True)
        ]
        loss = self.iou[0] - self.iou[1]
        rows.append(("loss", "", f"{np.nanmean(loss):.4f}", *(f"{value:.4f}" for value in loss)))
        title = f"int8, ranges of {self.calibration} training images, IoU on {self.images} test images"
        header = ("file", "size", "mean IoU", *(f"IoU {name}" for name in self.classes))
        return Table(title, header, tuple(rows)).as_text()

    def facts(self) -> dict[str, Any]:
        """Collects plain values for the JSON beside the file."""
        named = [dict(zip(self.classes, map(float, iou), strict=True)) for iou in self.iou]
        return {
            "file": self.files[1].name, "calibration_images": self.calibration, "test_images": self.images,
            "iou_float32": named[0], "iou_int8": named[1],
        }  # fmt: skip


def write_int8_file(
    path: Path,
    run: ExportedCall,
    training: Sequence[Item],
    tested: Sequence[Item],
    dtype: np.dtype[Any],
    classes: Sequence[str],
) -> Int8:
    """Writes ``<name>.int8.onnx`` beside an ONNX file and measures both on test images.

    Args:
        path: The file in float32.
        run: What it computes.
        training: Images that ranges are taken from.
        tested: Images that both are measured on.
        dtype: What the pixels of images are given in.
        classes: Names of the classes.
    """
    LOG.info(f"int8        ranges from {len(training)} training images")
    quantised = path.with_name(f"{path.stem}.int8.onnx")
    with write_if_good(quantised) as part:
        quantise(path, part, training, dtype)
    other = OnnxRun(quantised)
    found = np.stack([class_iou(each, tested, dtype, len(classes)) for each in (run, other)])
    return Int8((path, quantised), tuple(classes), found, len(tested), len(training), other)


def quantise(path: Path, target: Path, training: Sequence[Item], dtype: np.dtype[Any]) -> None:
    """Writes a file with quantise and dequantise nodes (QDQ), weights per channel, ranges from images."""
    import onnx
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantizer = QDQQuantizer(
            onnx.load(prepared), per_channel=True, reduce_range=False, weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8, tensors_range=_ranges(prepared, training, dtype), nodes_to_quantize=[],
            nodes_to_exclude=[], op_types_to_quantize=list(QUANTISED), extra_options={},
        )  # fmt: skip
    quantizer.quantize_model()
    made = quantizer.model.model
    del made.metadata_props[:]
    made.metadata_props.extend(onnx.load(path).metadata_props)
    onnx.save(made, target)


def _ranges(prepared: Path, training: Sequence[Item], dtype: np.dtype[Any]) -> Any:
    """Range of each tensor, by onnxruntime's calibrator: the middle :data:`PERCENTILE` of its values.

    The extremes would be of a few pixels, and leave few of the 256 steps for all others. Images go in one by one: the
    calibrator keeps all values of a call.
    """
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator

    class One(CalibrationDataReader):  # type: ignore[misc] # publishes no types
        def __init__(self, image: NDArray[Any]) -> None:
            self.images = iter([{"image": image}])

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(self.images, None)

    calibrator = create_calibrator(
        str(prepared), list(QUANTISED), augmented_model_path=str(prepared.with_suffix(".augmented.onnx")),
        calibrate_method=CalibrationMethod.Percentile, extra_options={"percentile": PERCENTILE},
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        for item in training:
            calibrator.collect_data(One(image_and_mask(item, dtype, CALIBRATED)[0]))
        return calibrator.compute_data()


def class_iou(run: ExportedCall, items: Sequence[Item], dtype: np.dtype[Any], classes: int) -> NDArray[np.float64]:
    """Measures intersection over union per class (classes,) of all images together, ignored pixels left out."""
    counts = torch.zeros((1, classes, classes), dtype=torch.int64)
    for item in items:
        image, mask = image_and_mask(item, dtype)
        counts += confusion(torch.from_numpy(run(image)[1]), torch.from_numpy(mask), classes)
    return np.asarray(measures(counts)["iou"][0])
