"""Looks at every image of a data set once: what cannot be used is refused or left out, and what was found is noted."""

from segexp.data.checks.lookalikes import describe_lookalikes, find_lookalikes
from segexp.data.checks.problems import Problem, problem_of, refuse
from segexp.data.checks.sizes import check_absent_classes, find_same_pixels, name_some
from segexp.data.checks.survey import Survey
from segexp.data.hooks import DataHooks
from segexp.data.items.item import Item
from segexp.data.settings import Items
from segexp.data.splits.rules import PHASES, Phase
from segexp.errors import DataError
from segexp.runs.console import progress


class SurveyedImages(DataHooks):
    """A data set as far as its images are looked at; what was found of each is kept."""

    _surveys: dict[Phase, list[Survey]]

    def _looked_at(self, items: Items) -> Items:
        """Surveys every image; what cannot be used is left out, if the data set allows that."""
        found: dict[Phase, list[tuple[Item, Survey]]] = {phase: [] for phase in PHASES}
        problems: list[Problem] = []
        every = [(phase, item) for phase in PHASES for item in items[phase]]
        self._check_forms([item for _, item in every])
        for phase, item in progress(every, len(every), "looking at images"):
            try:
                found[phase].append((item, self.look(item, len(self.counted_classes()))))
            except DataError as error:
                if not self.leaves_out(item.name, error):
                    problems.append(problem_of(error))
        if self.copies_matter:
            problems += self._leave_out_copies(found)
        refuse(problems)
        if self.copies_matter and (pairs_alike := find_lookalikes(found)):
            self.notes.append(describe_lookalikes(pairs_alike))
        surveys = {p: [seen for _, seen in pairs] for p, pairs in found.items()}
        absent = list(check_absent_classes(surveys, self.counted_classes(), of_images=self._of_images(items)))
        refuse(absent)
        self.notes += [problem.text for problem in absent]
        found["train"] = self._with_pixels(found["train"])
        for phase in PHASES:
            if not found[phase]:
                raise DataError(f"no image is left for {phase}; see what was left out: {name_some(self.notes)}")
            self._surveys[phase] = [survey for _, survey in found[phase]]
        return {phase: [item for item, _ in found[phase]] for phase in PHASES}

    def _check_forms(self, items: list[Item]) -> None:
        """Compares what items say of their targets with the data set's own: crops and changes go by it."""
        form = self.target().form
        if (other := next((item for item in items if item.form.name != form), None)) is not None:
            raise DataError(
                f"{other.name}: its target is cropped as a {other.form.name} is, but {type(self).__name__}.target() "
                f"gives a {type(self.target()).__name__}, of which targets are cropped as a {form} is"
            )

    def _leave_out_copies(self, found: dict[Phase, list[tuple[Item, Survey]]]) -> list[Problem]:
        """Images that are in two parts: left out of the earlier one as asked, or a problem."""
        problems = []
        for name, copied in find_same_pixels(found, self.sources):
            if not self.leaves_out(name, copied):
                problems.append(problem_of(copied, kind="duplicates"))
                continue
            for phase in PHASES:
                found[phase] = [(item, seen) for item, seen in found[phase] if item.name != name]
        return problems

    def _with_pixels(self, found: list[tuple[Item, Survey]]) -> list[tuple[Item, Survey]]:
        """Training images that have a pixel that counts."""
        blank = [item.name for item, survey in found if not survey.counted]
        if blank:
            self.notes.append(f"{len(blank)} training images have no pixel that counts, left out: {name_some(blank)}")
        return [(item, survey) for item, survey in found if survey.counted]

    def _of_images(self, items: Items) -> bool:
        """Whether an image is of one class."""
        return any(item.form.classes_of == "image" for phase in PHASES for item in items[phase][:1])
