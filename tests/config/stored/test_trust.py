"""Whom a command trusts: by trust=, by the variable, by naming it; for its own time alone."""

import os
from pathlib import Path

import pytest

from segexp.config.stored.trust import packages, trusted_packages, trusting, typed_keys, without_trust
from segexp.errors import ConfigError


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGEXP_TRUST", raising=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["seed=1"], set()),
        (["trust=[a,b.c]"], {"a", "b.c"}),
        (["trust=a"], {"a"}),
        (["trust=['a', 'b']"], {"a", "b"}),
        (["trust=[]"], set()),
        (["model._target_=mine.nets.Net"], {"mine"}),
        (["+model._target_='mine.nets.Net'"], {"mine"}),
        (["callbacks.extra=[{_target_: one.C}, {_target_: two.D, x: 1}]"], {"one", "two"}),
        (["callbacks.extra=[{_target_:one.C}]"], {"one"}),
        (["optimizer._target_=torch.optim.SGD", "model._target_=segexp.models.unet.UNet"], set()),
    ],
)
def test_words(words: list[str], expected: set[str]) -> None:
    assert trusted_packages(words) == expected


def test_options_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "model" / "mine").mkdir(parents=True)
    (tmp_path / "model" / "net.yaml").write_text("# A net\n_target_: one.nets.Net\nbase: 3\n")
    (tmp_path / "model" / "mine" / "net.yaml").write_text("_target_: 'two.Net'\n")
    (tmp_path / "notes.txt").write_text("_target_: three.Net\n")
    for words in (["--config-dir", str(tmp_path)], [f"--config-dir={tmp_path}"], ["-cd", str(tmp_path)]):
        assert trusted_packages(words) == {"one", "two"}


def test_the_variable_holds_for_what_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGEXP_TRUST", "outer, other")
    with trusting(["trust=[inner]"]):
        assert packages(()) == {"outer", "other", "inner"}
        assert sorted(os.environ["SEGEXP_TRUST"].split(",")) == ["inner", "other", "outer"]
    assert os.environ["SEGEXP_TRUST"] == "outer, other"
    monkeypatch.delenv("SEGEXP_TRUST")
    with trusting(["trust=[inner]"]):
        pass
    assert "SEGEXP_TRUST" not in os.environ


@pytest.mark.parametrize("word", ["trust=[../x]", "trust=[/x]", "trust=[a-b]", "trust=[a.]", "trust=[1a]"])
def test_what_is_no_package(word: str) -> None:
    with pytest.raises(ConfigError, match=r"^trust: found .*'trust=\[my_package\]'$"):
        trusted_packages([word])


def test_trust_is_no_part_of_an_experiment() -> None:
    assert without_trust(["seed=1", "trust=[a]", "+trust=a", "trusted=1"]) == ["seed=1", "trusted=1"]
    assert typed_keys(["model=cunet", "+a.b=1", "~c.d", "-m", "optimizer/x@y=z"]) == {
        "model",
        "a.b",
        "c.d",
        "optimizer.x",
    }
