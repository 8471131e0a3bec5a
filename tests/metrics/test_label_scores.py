"""Figures of class numbers of whole images against scikit-learn, and where a class is absent."""

import numpy as np
import pytest
from sklearn import metrics

from segexp.metrics.bootstrap import dataset_intervals, draw_weights
from segexp.metrics.figures import dataset_leaves, image_mean_leaves
from segexp.metrics.label_scores import label_confusion, label_family, label_figures, score_areas, score_family

NAMES = ("a", "b", "c", "d")


def drawn(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.choice(4, images, p=[0.6, 0.2, 0.15, 0.05])
    return truth, np.where(generator.random(images) < 0.7, truth, generator.integers(0, 4, images))


def test_figures_are_those_of_scikit_learn() -> None:
    truth, prediction = drawn(200)
    found = {path: value[0] for path, value in dataset_leaves([label_family(truth, prediction, NAMES)]).items()}
    assert found["accuracy",] == pytest.approx(metrics.accuracy_score(truth, prediction))
    assert found["balanced_accuracy",] == pytest.approx(metrics.balanced_accuracy_score(truth, prediction))
    assert found["macro_f1",] == pytest.approx(metrics.f1_score(truth, prediction, average="macro"))
    for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score)):
        by_class = [found[name, part] for part in NAMES]
        assert by_class == pytest.approx(score(truth, prediction, average=None))
    np.testing.assert_array_equal(label_confusion(truth, prediction, 4), metrics.confusion_matrix(truth, prediction))


def test_of_one_image_there_is_accuracy_alone() -> None:
    truth, prediction = drawn(50)
    family = label_family(truth, prediction, NAMES)
    assert set(family.of_images()) == {"accuracy"}
    assert image_mean_leaves([family])["accuracy",][0] == pytest.approx(np.mean(truth == prediction))


def test_a_class_that_is_absent_counts_by_what_was_predicted() -> None:
    # b is predicted and not there, c there and never predicted, d neither.
    figures = label_figures(label_family(np.array([0, 0, 2]), np.array([0, 1, 0]), NAMES).sums.sum(axis=0)[None])
    np.testing.assert_array_equal(figures["precision"][0], [0.5, 0, 0, np.nan])
    np.testing.assert_array_equal(figures["recall"][0], [0.5, 0, 0, np.nan])
    np.testing.assert_array_equal(figures["f1"][0], [0.5, 0, 0, np.nan])
    assert figures["balanced_accuracy"][0] == 0.25
    assert figures["macro_f1"][0] == pytest.approx(0.5 / 3)


def test_intervals_hold_the_figure_and_shrink_with_more_images() -> None:
    widths = []
    for images in (40, 400):
        family = label_family(*drawn(images), NAMES)
        low, high = dataset_intervals([family], draw_weights(images, 200, seed=0))["macro_f1",]
        assert low < dataset_leaves([family])["macro_f1",][0] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_areas_under_curves_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth = (generator.random(300) < 0.3).astype(np.int64)
    logits = np.stack([generator.normal(size=300), generator.normal(size=300) + truth], axis=1).round(1)
    family = score_family(truth, logits)
    found, margin = family.of_dataset(), logits[:, 1] - logits[:, 0]
    assert found["auc"][0] == pytest.approx(metrics.roc_auc_score(truth, margin))
    assert found["ap"][0] == pytest.approx(metrics.average_precision_score(truth, margin))
    assert score_areas(truth, logits) == {name: value[0] for name, value in found.items()}
    low, high = dataset_intervals([family], draw_weights(300, 200, seed=0))["auc",]
    assert low < found["auc"][0] < high
