"""A sum of losses from the command line."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from segexp.losses.base import SegmentationLoss
from segexp.losses.bce import BCE
from segexp.losses.weighted_sum import WeightedSum

CONF = Path(__file__).parents[2] / "conf"


def composed(loss: str, *overrides: str) -> SegmentationLoss:
    """The loss that ``loss=<option>`` and further overrides build."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        built = instantiate(compose(overrides=[f"+{loss}", *overrides]).loss, _convert_="all")
    assert isinstance(built, SegmentationLoss)
    return built


def test_weights_and_keys_of_terms_are_overrides() -> None:
    loss = composed("loss=bce_jaccard", "loss.weights.jaccard=0.5", "loss.terms.bce.pos_weight=3")
    assert isinstance(loss, WeightedSum)
    assert loss.weights == {"bce": 1.0, "jaccard": 0.5}
    bce = loss.losses["bce"]
    assert isinstance(bce, BCE)
    assert bce.pos_weight is not None
    assert bce.pos_weight.item() == 3
