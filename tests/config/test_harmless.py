"""Which words leave a run the one that it is."""

import pytest

from segexp.config.harmless import HARMLESS, changed_keys

RUN = {
    "name": None,
    "resume": None,
    "sweep": {"jobs": 1},
    "datamodule": {"root": "a", "images": "img/*.png", "crop_size": 32, "loader": {"num_workers": 2, "batch_size": 8}},
    "trainer": {"max_epochs": 4, "devices": 1, "progress": "auto"},
    "logger": {},
    "callbacks": {},
}


def with_(block: str, **keys: object) -> dict[str, object]:
    return {**RUN, block: {**RUN[block], **keys}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "now",
    [
        RUN,
        {**RUN, "resume": "outputs/a", "sweep": {"jobs": 2}, "callbacks": None, "full": True},
        {**RUN, "logger": {"wandb": {"_target_": "x", "mode": "offline"}}},
        with_("datamodule", root="elsewhere", loader={"num_workers": 0, "batch_size": 8}),
        with_("datamodule", images="auto", crop_size=None),
        with_("trainer", devices=2, progress="none"),
    ],
)
def test_the_same_run(now: dict[str, object]) -> None:
    assert changed_keys(now, RUN) == []


@pytest.mark.parametrize(
    ("now", "keys"),
    [
        (with_("trainer", max_epochs=5), ["trainer.max_epochs"]),
        (with_("trainer", max_epochs=True), ["trainer.max_epochs"]),
        (with_("datamodule", images="other/*.png"), ["datamodule.images"]),
        (with_("datamodule", loader={"num_workers": 0, "batch_size": 4}), ["datamodule.loader.batch_size"]),
        ({**RUN, "name": "other"}, ["name"]),
        ({**RUN, "callbacks": {"stop": {"patience": 1}}}, ["callbacks.stop.patience"]),
        ({key: value for key, value in RUN.items() if key != "trainer"}, ["trainer.max_epochs"]),
    ],
)
def test_another_run(now: dict[str, object], keys: list[str]) -> None:
    assert changed_keys(now, RUN) == keys


def test_each_harmless_key_is_one() -> None:
    assert len(set(HARMLESS)) == len(HARMLESS)
