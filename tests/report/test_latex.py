"""Text of others in LaTeX is text."""

from segexp.report.latex import CAPTION_ABOVE, escape_breakable, escape_latex, format_table, format_tabular


def test_no_letter_is_a_command() -> None:
    assert escape_latex(r"a_b & 5% $x$ #1 {y} \input{z} ~ ^") == (
        r"a\_b \& 5\% \$x\$ \#1 \{y\} \textbackslash{}input\{z\} \textasciitilde{} \textasciicircum{}"
    )
    assert escape_latex("[3pt] <a|b>") == r"{[}3pt{]} \textless{}a\textbar{}b\textgreater{}"
    assert "\n" not in escape_latex("two\nlines\x1b[31m")


def test_signs_of_tables_are_mathematics() -> None:
    assert escape_latex("0.81 ± 0.02") == r"0.81 $\pm$ 0.02"
    assert escape_latex("HD95 ↓") == r"HD95 $\downarrow$"
    # A minus before a number; a hyphen stays one.
    assert escape_latex("-0.0123 well-known 1e-3") == "$-$0.0123 well-known 1e-3"


def test_a_table_has_the_rules_of_booktabs() -> None:
    text = format_table("A caption", "x", [format_tabular("lr", "a & b", ["1 & 2"], ["3 & 4"])])
    assert text.splitlines() == [
        r"\begin{table}", r"\centering\small", CAPTION_ABOVE, r"\caption{A caption}", r"\label{tab:x}",
        r"\begin{tabular}{lr}", r"\toprule",
        r"a & b \\", r"\midrule", r"1 & 2 \\", r"\midrule", r"3 & 4 \\", r"\bottomrule", r"\end{tabular}",
        r"\end{table}",
    ]  # fmt: skip


def test_notes_stand_below_the_table_in_small_letters() -> None:
    text = format_table("A caption", "x", ["first", "second"], ["one note", "another"])
    assert text.splitlines()[5:] == [
        "first", "", r"\medskip", "second", "", r"\medskip",
        r"\parbox{\linewidth}{\footnotesize\raggedright one note\par", "another}", r"\end{table}",
    ]  # fmt: skip


def test_long_words_may_be_broken_and_short_ones_may_not() -> None:
    assert escape_breakable("cunet, base=8 -0.0123") == r"cunet, base=8 $-$0.0123"
    assert escape_breakable("crop_size_total=32") == r"crop\_\allowbreak{}size\_\allowbreak{}total=\allowbreak{}32"
    assert escape_breakable("a" * 20) == r"aaaaaa\allowbreak{}aaaaaa\allowbreak{}aaaaaa\allowbreak{}aa"
