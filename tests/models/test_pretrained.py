"""Weights from a file and from a server that is played by a function; no test touches the network."""

import hashlib
import io
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError, UserError
from segexp.models.deeplab import DeepLabV3
from segexp.models.encoders import pretrained
from segexp.models.encoders.pretrained import load_encoder_weights, load_pretrained
from segexp.models.encoders.resnet import ResNet
from segexp.models.encoders.vgg import Vgg16
from segexp.models.fcn import Fcn, take_classifier
from segexp.models.pspnet import PspNet
from segexp.models.segnet import SegNet
from segexp.models.weight_fit import adapt_channels


def published() -> dict[str, Tensor]:
    """A state dict in torchvision's layout, with the classifier, and without the counter that old files lack."""
    torch.manual_seed(3)
    state = {key: torch.rand_like(value.float()) for key, value in ResNet(3, "resnet18").state_dict().items()}
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    return {**state, "fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(published(), path)
    return path


def saved(state: object, path: Path) -> str:
    torch.save(state, path)
    return str(path)


def assert_loaded(encoder: nn.Module, state: dict[str, Tensor]) -> None:
    own = encoder.state_dict()
    for key, value in state.items():
        assert key.startswith("fc.") or torch.equal(own[key], value), key


def test_false_loads_nothing_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_a, **_k: pytest.fail("asked the network"))
    encoder = Vgg16(3, base=2)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    assert load_pretrained(encoder, "vgg16", False, base=2) == {}
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_path_loads_all_but_the_classifier(file: Path) -> None:
    model = PspNet(3, 1, encoder="resnet18", pretrained=str(file))
    state = published()
    assert_loaded(model.encoder, state)
    head = load_pretrained(ResNet(3, "resnet18"), "resnet18", str(file), base=64)
    assert head.keys() == {"fc.weight", "fc.bias"}
    assert torch.equal(head["fc.weight"], state["fc.weight"])


def test_home_in_a_path_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    assert load_pretrained(ResNet(3, "resnet18"), "resnet18", "~/resnet18.pth", base=64)


def test_deeplab_takes_them_frozen(file: Path) -> None:
    model = DeepLabV3(3, 1, encoder="resnet18", pretrained=str(file), freeze_encoder=True).train()
    assert_loaded(model.backbone, published())
    trained = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all(key.startswith("classifier.") for key in trained)
    assert not model.backbone.bn1.training


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_other_channels_answer_equal_channels_alike(channels: int) -> None:
    """An image whose channels are all the same excites the first convolution as its RGB form does."""
    weight, grey = torch.randn(8, 3, 7, 7), torch.randn(1, 1, 20, 20)
    adapted = adapt_channels(weight, channels)
    found = nn.functional.conv2d(grey.expand(-1, channels, -1, -1), adapted)
    wanted = nn.functional.conv2d(grey.expand(-1, 3, -1, -1), weight)
    assert adapted.shape == (8, channels, 7, 7)
    if channels in (1, 6):  # whole turns of R G B; the others weigh some colours more
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    else:
        turns = [0, 1, 2, 0][:channels]
        torch.testing.assert_close(adapted, torch.stack([weight[:, c] for c in turns], 1) * 3 / channels)


def test_one_channel_model_equals_the_rgb_model_on_grey(file: Path) -> None:
    grey = torch.rand(1, 1, 32, 32)
    one, three = (ResNet(channels, "resnet18").eval() for channels in (1, 3))
    for encoder in (one, three):
        load_pretrained(encoder, "resnet18", str(file), base=64)
    torch.testing.assert_close(one.conv1(grey), three.conv1(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)
    assert torch.equal(one.layer4[0].conv1.weight, three.layer4[0].conv1.weight)


def test_another_width_is_refused_before_any_file_is_read() -> None:
    for make in (
        lambda: SegNet(3, 1, base=32, pretrained=True),
        lambda: Fcn(3, 1, base=32, pretrained="nowhere"),
        lambda: DeepLabV3(3, 1, base=32, pretrained=True),
    ):
        with pytest.raises(ConfigError, match="base=64, found base=32"):
            make()


def test_norm_without_published_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="norm=batch and norm=none, found norm=group"):
        SegNet(3, 1, base=2, norm="group", pretrained=True)


def test_file_of_another_network_names_keys(file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"resnet18\.pth for resnet34: missing layer1\.2\.conv1\.weight.*another network"
    ):
        load_pretrained(ResNet(3, "resnet34"), "resnet34", str(file), base=64)
    more = {**published(), "layer5.weight": torch.zeros(1)}
    with pytest.raises(UserError, match=r"unexpected layer5\.weight"):
        load_pretrained(ResNet(3, "resnet18"), "resnet18", saved(more, tmp_path / "more.pth"), base=64)


def test_wrong_shape_names_key_and_shapes(tmp_path: Path) -> None:
    state = published() | {"layer1.0.bn1.bias": torch.zeros(65)}
    with pytest.raises(UserError, match=r"layer1\.0\.bn1\.bias is of shape \(65,\), expected \(64,\)"):
        load_pretrained(ResNet(3, "resnet18"), "resnet18", saved(state, tmp_path / "shape.pth"), base=64)


def test_what_is_no_state_dict_is_refused(file: Path, tmp_path: Path) -> None:
    encoder = ResNet(3, "resnet18")
    with pytest.raises(UserError, match=r"no file .*absent\.pth.*resnet18-f37072fd\.pth"):
        load_pretrained(encoder, "resnet18", "absent.pth", base=64)
    whole = file.read_bytes()
    for name, content in {
        "cut.pth": whole[:100_000],
        "short.pth": whole[:5_000],
        "text.pth": b"not weights",
        "other.pth": b"broken",
        "empty.pth": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is no state dict of torch, or is cut short"):
            load_pretrained(encoder, "resnet18", str(tmp_path / name), base=64)
    with pytest.raises(UserError, match="no plain dict of names and tensors"):
        load_pretrained(encoder, "resnet18", saved([torch.zeros(1)], tmp_path / "list.pth"), base=64)


def test_refused_file_leaves_the_encoder_alone() -> None:
    encoder = Vgg16(3, base=2)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    state = {key: torch.zeros_like(value) for key, value in before.items()}
    state["features.28.bias"] = torch.zeros(3)
    with pytest.raises(UserError, match=r"features\.28\.bias"):
        load_encoder_weights(encoder, state, "here")
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_fcn_takes_the_classifier_as_convolutions() -> None:
    model = Fcn(3, 1, base=2, stride=32).eval()
    linear, second = nn.Linear(16 * 7 * 7, 128), nn.Linear(128, 128)
    state = {"classifier.0": linear, "classifier.3": second}
    take_classifier(model, {f"{n}.{p}": v for n, layer in state.items() for p, v in layer.state_dict().items()})
    features = torch.randn(1, 16, 7, 7)
    with torch.no_grad():
        # The centre of the 7x7 map sees all of it, and no padding.
        torch.testing.assert_close(model.fc6(features)[0, :, 3, 3], linear(features.flatten(1))[0])
        torch.testing.assert_close(model.fc7(features.new_ones(1, 128, 1, 1))[0, :, 0, 0], second(torch.ones(128)))
    with pytest.raises(UserError, match=r"classifier\.0\.weight .*no such key"):
        take_classifier(model, {})
    with pytest.raises(UserError, match=r"found shape \(10, 784\)"):
        take_classifier(model, {"classifier.0.weight": torch.zeros(10, 784), "classifier.0.bias": torch.zeros(10)})


@pytest.fixture
def server(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Torch's downloader, with a function in place of the network and the test file's own hash in the name."""
    played: dict[str, Any] = {"content": file.read_bytes(), "asked": [], "hub": tmp_path / "hub"}
    digest = hashlib.sha256(played["content"]).hexdigest()[:8]
    played["name"] = f"resnet18-{digest}.pth"
    monkeypatch.setitem(pretrained.FILES, "resnet18", played["name"])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    class Answer(io.BytesIO):
        def info(self) -> Message:
            return Message()

    def urlopen(request: Any) -> Answer:
        played["asked"].append(request.full_url)
        if isinstance(played["content"], Exception):
            raise played["content"]
        return Answer(played["content"])

    monkeypatch.setattr(torch.hub, "urlopen", urlopen)
    return played


def test_true_downloads_once(server: dict[str, Any]) -> None:
    for _ in range(2):
        encoder = ResNet(3, "resnet18")
        load_pretrained(encoder, "resnet18", True, base=64)
        assert_loaded(encoder, published())
    assert server["asked"] == [f"https://download.pytorch.org/models/{server['name']}"]
    assert (server["hub"] / "checkpoints" / server["name"]).is_file()


def test_without_a_network_it_says_where_to_put_the_file(server: dict[str, Any]) -> None:
    server["content"] = URLError("Name or service not known")
    with pytest.raises(UserError) as caught:
        load_pretrained(ResNet(3, "resnet18"), "resnet18", True, base=64)
    place = server["hub"] / "checkpoints" / server["name"]
    for part in (f"models/{server['name']}", "not known", str(place), "model.pretrained=<path>"):
        assert part in str(caught.value)
    assert not place.exists()


def test_wrong_hash_is_refused(server: dict[str, Any]) -> None:
    server["content"] += b"one byte more"
    with pytest.raises(UserError, match=r"arrived broken \(invalid hash value"):
        load_pretrained(ResNet(3, "resnet18"), "resnet18", True, base=64)
    assert not (server["hub"] / "checkpoints" / server["name"]).exists()


def test_broken_file_in_the_hub_folder_is_named(server: dict[str, Any]) -> None:
    place = server["hub"] / "checkpoints" / server["name"]
    place.parent.mkdir(parents=True)
    place.write_bytes(server["content"][:5000])
    with pytest.raises(UserError, match=f"{place} is broken: delete it"):
        load_pretrained(ResNet(3, "resnet18"), "resnet18", True, base=64)
    assert server["asked"] == []


def test_names_of_the_published_files() -> None:
    assert pretrained.FILES == {
        "vgg16": "vgg16-397923af.pth",
        "vgg16_bn": "vgg16_bn-6c64b313.pth",
        "resnet18": "resnet18-f37072fd.pth",
        "resnet34": "resnet34-b627a593.pth",
        "resnet50": "resnet50-0676ba61.pth",
        "resnet101": "resnet101-63fe2227.pth",
    }
