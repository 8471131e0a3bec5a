"""Pictures of validation images, before the first epoch too."""

import pytest

from segexp.training.callbacks.panels import UNTRAINED, panel_epochs
from tests.training.runs import composed, go, run, same_weights


def test_untrained_stands_before_the_first_epoch() -> None:
    assert panel_epochs(["untrained", 0, 3], 5, logged=False) == {UNTRAINED, 0, 3}


def test_the_untrained_network_is_drawn_and_trains_on_as_without() -> None:
    words = ("panels=0", "metric=none", "bootstrap=0", "optimizer.lr=0.1", "trainer.max_epochs=3", "scheduler=none")
    drawn = run(composed(*words, "panel_epochs=[untrained,2]", "val_panels=1"))
    names = sorted(path.name.split("_")[0] for path in (drawn.path / "panels/val").glob("*.png"))
    assert names == ["epoch", "untrained"]
    first, last = sorted((drawn.path / "panels/val").glob("*.png"), reverse=True)
    assert first.name.startswith("untrained_")
    assert first.read_bytes() != last.read_bytes()
    without = go(*words, "panel_epochs=0")
    assert same_weights(drawn.last, without.last)


@pytest.mark.parametrize("word", ["panel_epochs=[trained]", "panel_epochs=untrained", "panel_epochs=[-1]"])
def test_no_such_time(word: str) -> None:
    with pytest.raises(Exception, match="panel_epochs"):
        composed(word)
