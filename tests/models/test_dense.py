"""A classifier as a dense predictor: the same scores at the training size, those of every window beyond."""

import pytest
import torch
from torch import Tensor, nn

from segexp.models.dense import ConversionError, to_fully_convolutional
from segexp.models.sizes import InputSizeError


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def unpadded() -> nn.Sequential:
    """28x28 -> 12x12 -> 4x4 values in two stages, then three fully connected layers; a window every 4 pixels."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(4, 6, 5), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.AvgPool2d(2)),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6 * 4 * 4, 10),
        nn.BatchNorm1d(10),
        nn.ReLU(inplace=True),
        nn.Linear(10, 7, bias=False),
        nn.Tanh(),
        nn.Linear(7, 5),
    ).eval()


def windows(classifier: nn.Module, batch: Tensor, size: tuple[int, int], step: int) -> Tensor:
    """The classifier on every window, one after the other: (B, K, rows, columns)."""
    rows = range(0, batch.shape[-2] - size[0] + 1, step)
    columns = range(0, batch.shape[-1] - size[1] + 1, step)
    scores = [[classifier(batch[..., y : y + size[0], x : x + size[1]]) for x in columns] for y in rows]
    return torch.stack([torch.stack(row, dim=-1) for row in scores], dim=-2)


def whole_numbers(model: nn.Module) -> nn.Module:
    """Weights in -2..2: every sum is then exact, whatever its order."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randint(-2, 3, parameter.shape, generator=generator).float()
    return model


def test_bit_for_bit_where_sums_are_exact() -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 7 * 7, 8), nn.ReLU()]
    classifier = whole_numbers(nn.Sequential(*layers, nn.Linear(8, 2))).eval()
    batch = torch.randint(0, 16, (2, 3, 28, 24), generator=torch.Generator().manual_seed(1)).float()
    dense = to_fully_convolutional(classifier, (16, 16))
    assert torch.equal(dense(batch[..., :16, :16])[..., 0, 0], classifier(batch[..., :16, :16]))
    assert torch.equal(dense(batch), windows(classifier, batch, (16, 16), 2))


def test_same_scores_at_the_training_size_and_in_every_window() -> None:
    classifier, batch = unpadded(), image(2, 3, 44, 37)
    dense = to_fully_convolutional(classifier, (28, 28))
    with torch.no_grad():
        exact = classifier(batch[..., :28, :28])
        torch.testing.assert_close(dense(batch[..., :28, :28]), exact[..., None, None], rtol=1e-5, atol=1e-6)
        found, wanted = dense(batch), windows(classifier, batch, (28, 28), 4)
    assert found.shape == (2, 5, 5, 3)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_vgg16s_first_layer_becomes_a_7x7_convolution() -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(
        nn.Conv2d(3, 8, 32, stride=32), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(392, 16)
    )
    dense = to_fully_convolutional(classifier, (224, 224))
    conv = dense.layers[-1]
    assert isinstance(conv, nn.Conv2d)
    assert (conv.in_channels, conv.out_channels, conv.kernel_size, conv.padding) == (8, 16, (7, 7), (0, 0))
    linear = classifier[-1]
    assert isinstance(linear, nn.Linear)
    assert torch.equal(conv.weight.flatten(1), linear.weight)
    assert dense(image(1, 3, 256, 288)).shape == (1, 16, 2, 3)


@pytest.mark.parametrize("fields", [1, 2, (4, None)])
def test_adaptive_pooling_becomes_the_pooling_of_the_training_size(fields: int | tuple[int, None]) -> None:
    torch.manual_seed(0)
    count = {1: 1, 2: 4}.get(fields if isinstance(fields, int) else 0, 16)
    layers = [nn.Conv2d(3, 4, 5), nn.AdaptiveAvgPool2d(fields), nn.Flatten(), nn.Linear(4 * count, 3)]
    classifier, batch = nn.Sequential(*layers), image(1, 3, 8, 8)
    with torch.no_grad():
        dense = to_fully_convolutional(classifier, (8, 8))
        torch.testing.assert_close(dense(batch)[..., 0, 0], classifier(batch), rtol=1e-5, atol=1e-6)
        step = 2 if fields == 2 else 1
        larger = image(1, 3, 12, 10)
        wanted = windows(classifier, larger, (8, 8), step)
        torch.testing.assert_close(dense(larger), wanted, rtol=1e-5, atol=1e-6)


def test_module_with_features_and_classifier() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
            self.avgpool = nn.AdaptiveAvgPool2d(3)
            self.classifier = nn.Sequential(nn.Linear(18, 4), nn.Softmax(dim=1))

        def forward(self, batch: Tensor) -> Tensor:
            scores: Tensor = self.classifier(self.avgpool(self.features(batch)).flatten(1))
            return scores

    classifier = Small()
    dense = to_fully_convolutional(classifier, (5, 5), in_channels=1)
    scores = dense(image(2, 1, 6, 9))
    assert scores.shape == (2, 4, 2, 5)
    torch.testing.assert_close(scores.sum(1), torch.ones(2, 2, 5))


def test_the_classifier_is_left_as_it_was() -> None:
    classifier = unpadded().train()
    dense = to_fully_convolutional(classifier, (28, 28))
    assert classifier.training
    assert not dense.training
    for parameter in dense.parameters():
        nn.init.zeros_(parameter)
    assert all(parameter.any() for name, parameter in classifier.named_parameters() if name.endswith("weight"))


def test_images_below_the_window_are_refused() -> None:
    with pytest.raises(InputSizeError, match=r"28x28 pixels and was given 28x27"):
        to_fully_convolutional(unpadded(), (28, 28))(image(1, 3, 28, 27))


def test_what_cannot_be_converted_is_named() -> None:
    conv, flat = nn.Conv2d(3, 4, 5), nn.Flatten()
    for layers, message in (
        ([conv], "has no nn.Flatten"),
        ([conv, nn.AdaptiveAvgPool2d(3), flat, nn.Linear(36, 2)], r"AdaptiveAvgPool2d.*4x4.*equal fields"),
        ([conv, nn.AdaptiveMaxPool2d(1), flat, nn.Linear(4, 2)], "AdaptiveMaxPool2d.*before Flatten"),
        ([conv, flat, nn.LayerNorm(64), nn.Linear(64, 2)], "LayerNorm.*after Flatten"),
        ([conv, flat, nn.BatchNorm1d(64), nn.Linear(64, 2)], "BatchNorm1d.*after Flatten"),
    ):
        with pytest.raises(ConversionError, match=message):
            to_fully_convolutional(nn.Sequential(*layers), (8, 8))


def test_a_forward_of_its_own_is_found_out() -> None:
    class Doubled(nn.Sequential):
        def forward(self, batch: Tensor) -> Tensor:
            return 2 * super().forward(batch)

    with pytest.raises(ConversionError, match="Doubled does not give the classifier's scores at 8x8"):
        to_fully_convolutional(Doubled(nn.Conv2d(3, 4, 5), nn.Flatten(), nn.Linear(64, 2)), (8, 8))
