"""What every model promises: logits of the image's size, gradients, the same result in every layout, export."""

import importlib.util
import logging
import math
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from segexp.inspection.contracts.promise import ContractError, NotTriedError, Promise, require
from segexp.models.auxiliary import Supervised
from segexp.models.classifier import is_classifier
from segexp.models.contracts import CONTRACTS
from segexp.models.projection import guard_projections
from segexp.models.sizes import same_size

Channels = tuple[int, int]
"""Of the image, C, and of the logits, K."""

SIZES: tuple[tuple[tuple[int, int], Channels], ...] = (
    ((32, 32), (3, 1)),
    ((33, 47), (1, 2)),
    ((64, 40), (4, 3)),
    ((37, 96), (3, 1)),
)
"""Height and width, and channels: even, odd and not square, one and more logits."""
GRADIENT_APART = 1e-3
"""Of the length of a layer's gradient, by how much two orders of memory may differ; our models reach 3e-6."""
EXPORTED_WITH, OTHERS = (2, 3, 64, 80), ((1, 3, 96, 72), (3, 3, 75, 107))
"""Shape of the image for which a model is exported, and shapes that the file must take as well."""


@dataclass(frozen=True)
class ModelCase:
    """A model, made anew with the same weights for each call, for channels of image and logits."""

    make: Callable[[Channels], nn.Module]

    def rgb(self) -> nn.Module:
        """For RGB images of two classes."""
        return self.make((3, 1))


def awake(model: nn.Module) -> nn.Module:
    """Weights that begin at zero, as the scores of FCN do, would hide every difference: they become small numbers."""
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return model


def random_image(*shape: int) -> Tensor:
    """Random numbers float32, the same for a shape."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def fitting_image(model: nn.Module, *shape: int) -> Tensor:
    """Makes a random image (B, C, H, W), H and W brought up to what the model takes multiples of."""
    multiple: int = getattr(model, "size_multiple", 1)
    return random_image(*shape[:2], *(-(-side // multiple) * multiple for side in shape[2:]))


def expected_shape(model: nn.Module, batch: Tensor, channels: int) -> tuple[int, ...]:
    """Shape of the logits of a batch (B, C, H, W): (B, channels, H, W), of a classifier (B, channels)."""
    size = () if is_classifier(model) else tuple(batch.shape[-2:])
    return (len(batch), channels, *size)


def logits_of(model: nn.Module, batch: Tensor) -> Tensor:
    """Logits (B, K, H, W) of a batch (B, C, H, W) in evaluation mode; of a classifier (B, K)."""
    with torch.no_grad():
        logits = same_size(model.eval(), batch)
    if not isinstance(logits, Tensor):
        message = f"found a {type(logits).__name__} in evaluation mode, expected a tensor"
        raise ContractError(f"{message}; give a Supervised in training mode alone")
    if not is_classifier(model):
        size, wanted = tuple(logits.shape[-2:]), tuple(batch.shape[-2:])
        require(size == wanted, f"logits of {size} for an image of {wanted}", "the same size", "or give it context()")
        require(bool(logits.float().std() > 0), "the same logit at every pixel", "logits that depend on the image")
    return logits


def near(found: Tensor, wanted: Tensor, what: str, tolerance: float = 1e-4) -> None:
    """Requires logits to be equal but for rounding, which goes with the largest of them."""
    require(found.shape == wanted.shape, f"{tuple(found.shape)} {what}", f"{tuple(wanted.shape)}")
    apart, allowed = float((found - wanted).abs().max()), tolerance * float(wanted.abs().max())
    require(apart <= allowed, f"logits that are {apart:.3g} apart {what}", f"at most {allowed:.3g}")


def _any_size(case: ModelCase) -> None:
    for size, channels in SIZES:
        model, batch = case.make(channels), random_image(2, channels[0], *size)
        logits = logits_of(model, batch)
        shape, wanted = tuple(logits.shape), expected_shape(model, batch, channels[1])
        require(shape == wanted, f"logits {shape}", f"{wanted}", "use in_channels and out_channels as they are given")
        require(logits.dtype == torch.float32, f"logits of {logits.dtype}", "float32")


def train_step(model: nn.Module, batch: Tensor, *, bf16: bool) -> None:
    """Forward and backward in training mode, with all outputs in the loss; every trained weight has a gradient."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        outputs = same_size(model.train(), batch)
    supervised = outputs if isinstance(outputs, Supervised) else Supervised(outputs, (), ())
    counts = len(supervised.auxiliary), len(supervised.weights)
    require(counts[0] == counts[1], f"{counts[0]} auxiliary logits with {counts[1]} weights", "one weight each")
    every = [supervised.logits, *supervised.auxiliary]
    wanted = expected_shape(model, batch, 1)
    for logits in every:
        require(tuple(logits.shape) == wanted, f"logits {tuple(logits.shape)} in training mode", f"{wanted}")
        require(bool(torch.isfinite(logits).all()), "logits with nan or infinity", "finite ones")
    total = torch.stack([logits.float().square().mean() for logits in every]).sum()
    trained = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    require(bool(trained), "no weight that is trained", "some", "keep layers as attributes, lists in nn.ModuleList")
    gradients = torch.autograd.grad(total, list(trained.values()), allow_unused=True)
    for key, gradient in zip(trained, gradients, strict=True):
        require(gradient is not None, f"no gradient at {key}", "one", "use the layer in forward, or leave it out")
        finite = gradient is None or bool(torch.isfinite(gradient).all())
        require(finite, f"nan or infinity in the gradient at {key}", "a finite one")


def _gradient(case: ModelCase) -> None:
    for layout in (torch.contiguous_format, torch.channels_last):
        for bf16 in (False, True):
            model = _laid_out(case.rgb(), layout)
            train_step(model, fitting_image(model, 2, 3, 33, 40).contiguous(memory_format=layout), bf16=bf16)


def _laid_out(model: nn.Module, layout: torch.memory_format) -> nn.Module:
    """The model in an order of memory, as a task trains it."""
    guard_projections(model)
    moved: nn.Module = model.to(memory_format=layout)  # type: ignore[call-overload]
    return moved


def _half_precision(case: ModelCase) -> None:
    model = case.rgb()
    batch = fitting_image(model, 2, 3, 33, 40)
    exact = logits_of(model, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough = logits_of(model, batch).float()
    # The mean: rounding moves single maxima to a neighbour, and index unpooling with them. It grows with the depth:
    # 0.4 % a convolution, measured up to 9 % for the 26 of SegNet.
    apart, size = float((rough - exact).abs().mean()), float(exact.abs().mean())
    require(apart < 0.1 * size, f"logits in bfloat16 that are {apart:.3g} from float32", f"below {0.1 * size:.3g}")


def _channels_last(case: ModelCase) -> None:
    model = case.rgb()
    batch = fitting_image(model, 2, 3, 33, 40)
    plain, gradients = logits_of(model, batch), _gradients_of(model, batch)
    model, batch = _laid_out(model, torch.channels_last), batch.contiguous(memory_format=torch.channels_last)
    near(logits_of(model, batch), plain, "with channels last")
    # A layer whose gradient is nothing beside the others' has only rounding in it.
    whole = math.hypot(*(float(each.norm()) for each in gradients.values()))
    for key, found in _gradients_of(model, batch).items():
        apart = float((found - gradients[key]).norm())
        allowed = GRADIENT_APART * (float(gradients[key].norm()) + 1e-3 * whole)
        require(apart <= allowed, f"gradients at {key} that are {apart:.3g} apart with channels last", f"{allowed:.3g}")


def _gradients_of(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Gradients by weight in evaluation mode, in which nothing is random: dropout draws by the order of memory."""
    logits = same_size(model.eval(), batch)
    if not (isinstance(logits, Tensor) and logits.requires_grad):
        return {}
    trained = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    gradients = torch.autograd.grad(logits.square().mean(), list(trained.values()), allow_unused=True)
    return {key: found for key, found in zip(trained, gradients, strict=True) if found is not None}


def _state_dict(case: ModelCase) -> None:
    model = case.rgb()
    batch = fitting_image(model, 1, 3, 33, 40)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), Path(folder) / "weights.pt")
        other = case.rgb()
        for parameter in other.parameters():
            nn.init.zeros_(parameter)
        other.load_state_dict(torch.load(Path(folder) / "weights.pt", weights_only=True))
    same = torch.equal(logits_of(model, batch), logits_of(other, batch))
    advice = "keep every number that changes as a parameter or with register_buffer"
    require(same, "other logits after the weights were saved and loaded", "the same", advice)


def _compiled(case: ModelCase) -> None:
    """With the plainest backend: what dynamo makes of the model, not the kernels of inductor."""
    model = case.rgb()
    batch = fitting_image(model, 1, 3, 33, 40)
    keys, plain = list(model.state_dict()), logits_of(model, batch)
    torch.compiler.reset()
    model.compile(backend="eager")
    require(list(model.state_dict()) == keys, "other keys of the weights once compiled", "the same")
    near(logits_of(model, batch), plain, "once compiled", 1e-5)


def _deterministic(case: ModelCase) -> None:
    model = case.rgb()
    batch = fitting_image(model, 3, 3, 33, 40)
    together = logits_of(model, batch)
    again = torch.equal(logits_of(model, batch), together)
    advice = "use nn.Dropout, which rests in evaluation mode"
    require(again, "other logits at the second call in evaluation mode", "the same", advice)
    alone = torch.cat([logits_of(model, one) for one in torch.split(batch, 1)])
    near(alone, together, "where images of a batch are seen one by one")


class SameSize(nn.Module):
    """A model with the border that it asks for, as it is exported."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Image (B, C, H, W) to logits (B, K, H, W), of a classifier (B, K)."""
        return same_size(self.model, image)


def exported(model: nn.Module) -> torch.export.ExportedProgram:
    """The program of a model for any batch, height and width."""
    free = torch.export.Dim.DYNAMIC
    return torch.export.export(
        SameSize(model).eval(), (fitting_image(model, *EXPORTED_WITH),), dynamic_shapes=({0: free, 2: free, 3: free},)
    )


def agrees(run: Callable[[Tensor], Tensor], model: nn.Module) -> None:
    """Requires a file to give the logits of the model for other sizes than that of the export."""
    for shape in OTHERS:
        batch = fitting_image(model, *shape)
        with torch.no_grad():
            found = run(batch)
        near(found, logits_of(model, batch), f"for an image {tuple(batch.shape)}")


def _torch_export(case: ModelCase) -> None:
    model = case.rgb()
    agrees(exported(model).module(), model)


def runs_as_onnx(program: torch.export.ExportedProgram, model: nn.Module) -> None:
    """Requires a program to give the model's logits in onnxruntime."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotTriedError(f"{', '.join(missing)} not installed; pip install 'segexp[onnx]'")
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what torch uses itself
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            torch.onnx.export(program, (), str(file), dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    agrees(lambda batch: torch.from_numpy(session.run(None, {given.name: batch.numpy()})[0]), model)


def _onnx(case: ModelCase) -> None:
    model = case.rgb()
    runs_as_onnx(exported(model), model)


TRAINING = (
    Promise("any_size", CONTRACTS["any_size"], _any_size),
    Promise("gradient", "a finite gradient at every trained weight, in each precision and layout", _gradient),
    Promise("half_precision", "bfloat16 is near float32", _half_precision),
    Promise("channels_last", "channels last changes neither logits nor gradients", _channels_last),
    Promise("state_dict", "saved and loaded weights give the same logits", _state_dict),
    Promise("deterministic", "nothing is random in evaluation, images do not see each other", _deterministic),
)
"""Tried in a second or so."""
EXPORTS = (
    Promise("compiled", "torch.compile keeps keys and logits", _compiled),
    Promise("torch_export", CONTRACTS["torch_export"], _torch_export),
    Promise("onnx", CONTRACTS["onnx"], _onnx),
)
"""Tried in some seconds each."""
PROMISES = (*TRAINING, *EXPORTS)
