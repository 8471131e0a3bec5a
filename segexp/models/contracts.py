"""Contracts that a model keeps unless it declares an exception."""

from collections.abc import Mapping

from torch import nn

CONTRACTS = {
    "any_size": "takes images of any height and width above a smallest one",
    "torch_export": "torch.export gives a program for any size, with the same logits",
    "onnx": "exports to ONNX for any size, with the same logits in onnxruntime",
}
"""Names that may stand in ``exceptions``, and what each one promises."""


def exceptions_of(model: nn.Module) -> dict[str, str]:
    """Collects the contracts that a model does not keep, each with its reason; all others are tested.

    A model declares them as ``exceptions: ClassVar[Mapping[str, str]] = {"onnx": "why"}``, or sets ``self.exceptions``
    in its constructor where they depend on a key. Without the attribute it keeps every contract.
    """
    declared: Mapping[str, str] = getattr(model, "exceptions", {})
    return dict(declared)
