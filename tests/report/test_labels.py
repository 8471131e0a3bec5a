"""Every figure there is has a name in the tables."""

from segexp.config.signatures.declared_figures import shipped_figures
from segexp.config.signatures.measure_names import BUILT_IN
from segexp.report.labels import described, head_of, lower_is_better, name_of, order_figures, table_order


def test_every_figure_is_named() -> None:
    specs = {name: described({}, name) for name in (*BUILT_IN, *shipped_figures())}
    assert len({spec.label for spec in specs.values()}) == len(specs)
    assert all(spec.meaning for spec in specs.values())


def test_the_tables_keep_their_order() -> None:
    assert table_order()[:21] == [
        "accuracy", "kappa", "mcc_overall", "auc", "ap", "iou", "dice", "precision", "recall", "specificity", "mcc",
        "brier", "ece", "boundary_iou", "cldice", "hd95", "asd", "components_error", "object_f1", "object_precision",
        "object_recall",
    ]  # fmt: skip


def test_what_results_say_goes_before_what_the_classes_say() -> None:
    told = {"directions": {"dice": "min", "mine": "min"}, "labels": {"mine": "Mine"}, "meanings": {"mine": "is mine"}}
    assert (described(told, "mine").label, described(told, "mine").meaning) == ("Mine", "is mine")
    assert lower_is_better("dice", told)
    assert head_of({**told, "units": {"mine": "m"}}, "mine") == "Mine (m) ↓"
    assert described({}, "mine").label == "mine"


def test_names_units_and_directions() -> None:
    units = {"units": {"hd95": "m", "components_error": "components"}}
    assert head_of(units, "hd95") == "HD95 (m) ↓"
    assert head_of(units, "components_error") == "component error ↓"
    assert name_of("hd99.5", {}) == "HD99.5"
    assert [lower_is_better(name, {}) for name in ("hd99.5", "ece", "iou", "mine")] == [True, True, False, False]


def test_known_figures_first_then_those_of_the_users() -> None:
    block = {"mine": {}, "dice": {}, "miou": 0.1, "accuracy": 0.2, "classes_averaged": 2, "mean": {}}
    assert order_figures(block) == ["accuracy", "dice", "mine"]


def test_mcc_of_a_class_and_of_all_classes_have_two_names() -> None:
    from segexp.report.run_page.tables.classes import probability_table
    from segexp.report.run_page.tables.predictors import predictor_table

    block = {"mcc": {"a": 0.1, "b": 0.2, "c": 0.3}, "mcc_overall": 0.25, "mean": {"mcc": 0.2}}
    three = {"task": {"classes": ["a", "b", "c"]}, "rows": [{"name": "model", "dataset": block, "image": {}}]}
    of_class = probability_table(three)
    assert of_class is not None
    assert "MCC, class against rest" in of_class.header
    assert "MCC, all classes" in predictor_table(three).header
    assert "MCC" not in (*of_class.header, *predictor_table(three).header)
    block = {"mcc": {"a": 0.1, "b": 0.1}, "mcc_overall": 0.1}
    two = {"task": {"classes": ["a", "b"]}, "rows": [{"name": "model", "dataset": block, "image": {}}]}
    of_class = probability_table(two)
    assert of_class is not None
    assert "MCC" in of_class.header
    assert "MCC" in predictor_table(two).header
