"""The page: a place for an image, and what the model says about it."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio

from segexp.inference.demo.session import DemoSession
from segexp.inference.demo.view import View

CLEAN = (600, 3600)
"""Every 10 minutes, files older than an hour are removed."""

CSS = """
.segexp-error { border: 1px solid #b91c1c; background: #fef2f2; color: #7f1d1d; padding: 0.75em 1em;
  border-radius: 6px; overflow-wrap: anywhere; }
.segexp-legend { border-collapse: collapse; width: 100%; }
/* gradio's own rules for text are stronger */
.segexp-legend, .segexp-legend tr, .segexp-legend th, .segexp-legend td { border: none !important; }
.segexp-legend th, .segexp-legend td { text-align: left; padding: 0.2em 0.6em 0.2em 0 !important; }
.segexp-legend .segexp-share { text-align: right; font-variant-numeric: tabular-nums; }
.segexp-legend th:last-child { text-align: right; }
.segexp-colour { display: inline-block; width: 1.1em; height: 1.1em; border: 1px solid #888; border-radius: 3px;
  vertical-align: middle; }
#overlay .image-frame, #mask .image-frame { width: 100%; }
#overlay img, #mask img { width: 100%; height: auto; max-height: 85vh; object-fit: contain; }
#probabilities .grid-wrap { height: auto; min-height: 0; max-height: none; }
#message:not(:has(.segexp-error)) { display: none; }
.segexp-facts { overflow-wrap: anywhere; margin: 0; }
"""


class Page:
    """The parts of the page, and what happens between them."""

    def __init__(self, session: DemoSession) -> None:
        """Lays the page out."""
        self.session = session
        self.has_threshold = session.model.threshold is not None
        title = f"segexp: {', '.join(source.name for source in session.model.sources)}"
        with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=CLEAN) as self.blocks:
            # A key, not the answer: what is kept of all visitors has one bound.
            self.key = gradio.State(None, delete_callback=session.cache.drop)
            gradio.HTML(f"<h1>{escape(title)}</h1><p>{escape('; '.join(self._about()))}</p>")
            with gradio.Row():
                self._left()
                self._right()
            self._wire()

    def _about(self) -> list[str]:
        model, session = self.session.model, self.session
        limits = f"images of up to {session.max_pixels:,} pixels, files of up to {session.max_megabytes:g} MB"
        return [f"classes {', '.join(model.classes)}", *model.notes, limits]

    def _left(self) -> None:
        with gradio.Column(scale=1, min_width=280):
            self.file = gradio.File(label="Image: drop it here, or click", file_count="single", elem_id="image")
            self.message = gradio.HTML(elem_id="message")
            with gradio.Column(visible=False) as self.side:
                self.threshold = gradio.Slider(
                    0, 1, value=self.session.model.threshold or 0.5, step=0.01, label="Threshold",
                    visible=self.has_threshold, elem_id="threshold",
                    info=f"probability from which a pixel is {self.session.model.classes[1]}", buttons=[],
                )  # fmt: skip
                self.legend = gradio.HTML(elem_id="legend")
                self.facts = gradio.HTML(elem_id="facts")
                self.mask_file = gradio.DownloadButton("Mask (PNG)", elem_id="mask-file")
                self.probability_file = gradio.DownloadButton("Probabilities (TIFF)", elem_id="probability-file")

    def _right(self) -> None:
        with gradio.Column(scale=3, min_width=280, visible=False) as self.results, gradio.Row():
            self.overlay = self._picture("Overlay", "overlay")
            self.mask = self._picture("Mask", "mask")
            self.probabilities = gradio.Gallery(
                label="Probability: 0 dark, 1 yellow", format="png", columns=1 if self.has_threshold else 2,
                object_fit="contain", height="auto", buttons=["fullscreen"], elem_id="probabilities", interactive=False,
            )  # fmt: skip

    def _picture(self, label: str, name: str) -> Any:
        return gradio.Image(
            label=label, format="png", interactive=False, buttons=["fullscreen"], elem_id=name, alt_text=label,
            min_width=260,
        )  # fmt: skip

    @property
    def _moving(self) -> list[Any]:
        """What another threshold changes."""
        return [self.message, self.overlay, self.mask, self.legend, self.mask_file]

    def _wire(self) -> None:
        first = [*self._moving, self.key, self.probabilities, self.facts, self.probability_file, self.threshold]
        shared: dict[str, Any] = {"api_visibility": "private"}
        # One image at a time goes through the network; the slider doesn't wait for it.
        self.file.upload(
            self._upload, [self.file, self.key], [*first, self.side, self.results], concurrency_limit=1, **shared
        )
        self.file.clear(self._clear, [self.key], [self.message, self.key, self.side, self.results], **shared)
        # input, not change: it is for what a person does, not for the threshold that comes with an image.
        self.threshold.input(
            self._move, [self.key, self.threshold], self._moving, trigger_mode="always_last", show_progress="hidden",
            **shared,
        )  # fmt: skip

    def _upload(self, file: str, before: str | None) -> list[Any]:
        view = self.session.take(Path(file), before)
        # The digits for which there is room; the mask is that of the exact one.
        threshold = gradio.skip() if view.threshold is None else round(view.threshold, 3)
        there = gradio.update(visible=view.key is not None)
        rest = [view.key, list(view.probabilities) or None, view.facts, _path(view.probability_file), threshold]
        return [*_moved(view), *rest, there, there]

    def _move(self, key: str | None, threshold: float) -> list[Any]:
        view = self.session.move(key, threshold)
        # What is on the page stays there when the answer has gone.
        return _moved(view) if view.key else [view.message, *[gradio.skip()] * 4]

    def _clear(self, key: str | None) -> list[Any]:
        self.session.cache.drop(key)
        hidden = gradio.update(visible=False)
        return ["", None, hidden, hidden]


def _moved(view: View) -> list[Any]:
    return [view.message, view.overlay, view.mask, view.legend, _path(view.mask_file)]


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def page_style() -> dict[str, Any]:
    """Gives theme, without fonts from elsewhere, and style sheet of the page."""
    fonts = ["system-ui", "sans-serif"]
    theme: Callable[..., Any] = gradio.themes.Default
    made = theme(font=fonts, font_mono=["ui-monospace", "monospace"])
    # Its own greys of small print are too pale to read.
    soft = {"block_info_text_color": "*neutral_600", "body_text_color_subdued": "*neutral_600"}
    return {"theme": made.set(**soft, **{f"{name}_dark": "*neutral_300" for name in soft}), "css": CSS}
