"""Table of the export formats, by their names in the config."""

from segexp.inference.export.format import ExportFormat
from segexp.inference.export.onnx_file import OnnxFormat
from segexp.inference.export.safetensors_file import SafetensorsFormat
from segexp.inference.export.torch_export_file import TorchExportFormat
from segexp.inference.export.torchscript_file import TorchScriptFormat

FORMATS: dict[str, ExportFormat] = {
    "onnx": OnnxFormat(),
    "torch_export": TorchExportFormat(),
    "torchscript": TorchScriptFormat(),
    "safetensors": SafetensorsFormat(),
}
