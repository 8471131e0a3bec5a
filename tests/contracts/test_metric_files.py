"""What every YAML in conf/metric must be; a new one is found by itself."""

import re

import pytest
from hydra.utils import instantiate

from segexp.config.signatures import measure_names as names
from segexp.config.signatures.signature import signature
from tests.metrics.configured import CONF, NAMES, composed, make

every_measure = pytest.mark.parametrize("name", NAMES)


@every_measure
def test_the_key_is_the_name_of_the_file(name: str) -> None:
    assert list(composed(name)) == [name]


def test_groups_compose_into_one_block() -> None:
    everything = composed("all")
    assert set(everything) <= set(NAMES)
    assert composed("[hd95,cldice]") == {name: everything[name] for name in ("hd95", "cldice")}
    assert composed("none") == {}


@every_measure
def test_every_key_has_a_comment(name: str) -> None:
    lines = (CONF / "metric" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# \S.{9,}", lines[0])
    assert lines[1] == f"{name}:"
    for line in lines[3:]:
        assert re.fullmatch(r"  \w+: \S+ +# \S.{9,}", line)


@every_measure
def test_a_yaml_lists_every_key_with_its_default(name: str) -> None:
    block = composed(name)[name]
    given = instantiate(block)
    defaults = instantiate({"_target_": block["_target_"]})
    assert vars(given) == vars(defaults)
    schema = signature(block["_target_"])
    assert schema is not None
    assert set(block) - {"_target_"} == set(schema.parameters)


def test_names_of_figures_are_new_and_distinct() -> None:
    found = [figure for name in NAMES for figure in make(name).described_figures()]
    old = {*names.BUILT_IN, names.LOSS}
    assert len(set(found)) == len(found)
    assert not old & set(found)
    for figure in found:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", figure)
        assert not figure.startswith(names.IMAGE)
