"""Makes ``vega.js.gz``, the program that draws charts on a page: ``python -m segexp.report.charts.bundle``.

The file is kept in the repository, since making it takes seconds and a page milliseconds, and packed, so that no search
runs into it. A test compares its versions with those of the vl-convert that draws the files; after another version of
it, run this again.
"""

import gzip
from importlib.metadata import version
from pathlib import Path

SCRIPT = Path(__file__).with_name("vega.js.gz")


def drawing_versions() -> str:
    """The versions that draw the files of a run, in a line."""
    import vl_convert

    lite = max(vl_convert.get_vegalite_versions(), key=lambda text: [int(part) for part in text.split(".")])
    embed, own = vl_convert.get_vega_embed_version(), version("vl-convert-python")
    return f"Vega {vl_convert.get_vega_version()}, Vega-Lite {lite}, Vega-Embed {embed}, from vl-convert {own}"


def bundle() -> str:
    """The JavaScript that vl-convert carries, as a script that leaves one global, ``vegaEmbed``."""
    import vl_convert

    code = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    licence = SCRIPT.with_name("vega_licence.txt").read_text(encoding="utf-8")
    return f"/*! {drawing_versions()}.\n\n{licence}*/\n(() => {{\n{code.strip()}\n}})();\n"


if __name__ == "__main__":
    SCRIPT.write_bytes(gzip.compress(bundle().encode("utf-8"), mtime=0))
