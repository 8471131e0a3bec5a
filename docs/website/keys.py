"""Markdown of the reference of keys: a page for each group, one of the top keys of a training, one of all commands."""

import html
from collections.abc import Iterator, Mapping, Sequence

from segexp.commands import COMMANDS, Command
from segexp.config.overrides.comments import KeyLine, keys_of_option
from segexp.config.overrides.groups import Option, groups
from segexp.config.overrides.reference import (
    EXPERIMENT,
    block_of,
    chosen_options,
    more_keys,
    own_keys,
    shared_keys,
    shown_command_keys,
    shown_keys,
    targets_of,
    values_of_command,
    values_of_option,
)
from segexp.config.paths import conf_dir

GROUPS = {
    "task": "What is learnt: a class for each pixel, a class for each image, or the image itself.",
    "datamodule": "Where images and masks come from, how they are split, and how they are loaded.",
    "model": "The network. Its channels come from the data: `in_channels` and `out_channels` are never typed.",
    "loss": "What training makes small.",
    "optimizer": "How weights follow the gradient.",
    "scheduler": "How the learning rate changes while it trains.",
    "augment": "Random changes to training samples.",
    "trainer": "How long, on what: the arguments of Lightning's Trainer, under Lightning's own names.",
    "callbacks": "What happens beside training. Several are taken together: `'callbacks=[early_stopping,ema]'`.",
    "metric": "Costly measures of the test. Several are taken together: `'metric=[hd95,cldice]'`.",
    "logger": "Where figures are written beside `metrics.csv`. Several are taken together: `'logger=[wandb,mlflow]'`.",
    "speed": "Settings that make the same experiment faster.",
    "sweep": "How many jobs of a sweep run at a time, and where; searches.",
    "experiment": "Presets: a laboratory's or a paper's experiment. A preset chooses options and sets their keys.",
    "debugging": "Short runs to find mistakes by, typed as `debug=fdr`.",
}
"""What each group is about, in a line."""


def key_pages() -> dict[str, str]:
    """The pages of the reference of keys: Markdown by path below docs/."""
    found = groups()
    pages = {
        "reference/index.md": _overview(found),
        "reference/training.md": _training(),
        "reference/commands.md": _commands(),
    }
    return pages | {f"reference/{group}.md": _group(group, options) for group, options in found.items()}


def _overview(found: Mapping[str, Sequence[Option]]) -> str:
    rows = [f"| [`{name}`]({name}.md) | {GROUPS.get(name, '')} | {len(options)} |" for name, options in found.items()]
    return f"""# Every key

Made of the comments in `conf/` and of the constructors' signatures, as `python -m segexp help <group>` is: the same
words on the terminal, without this site.

`group=option` chooses a part, `key=value` sets a key: `model=unet model.base=16 seed=1`. A key that a class takes and
its YAML does not list is added by `+key=value`. A key whose default is `???` must be given.

| group | what it is | options |
| --- | --- | --- |
{chr(10).join(rows)}

Keys of no group, such as `seed` and `monitor`: [keys of a training](training.md). What `predict`, `compare` and the
others take: [commands](commands.md).
"""


def _training() -> str:
    lines = shown_command_keys("train", [conf_dir()])
    text = "Keys of a training that belong to no group; `check`, `preview`, `lr_find` and `from_cam` take them too."
    return f"# Keys of a training\n\n{text}\n\n{_table('', lines, values_of_command('train', lines))}\n"


def _commands() -> str:
    return (
        "\n\n".join(["# Commands", "`python -m segexp <command> key=value ...`", *map(_command, COMMANDS.values())])
        + "\n"
    )


def _command(command: Command) -> str:
    lines = [] if command.name == "train" else shown_command_keys(command.config, [conf_dir()])
    parts = [f"## {command.name}", _sentence(command.meaning)]
    if command.operands:
        parts.append(f"Words without `=` are `{command.operands}`.")
    if command.takes_training:
        parts.append("It takes the groups and keys of a [training](training.md)" + (", and:" if lines else "."))
    if lines:
        parts.append(_table("", lines, values_of_command(command.config, lines)))
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    return _text(text[:1].upper() + text[1:]) + "."


def _group(group: str, options: Sequence[Option]) -> str:
    folders = [conf_dir()]
    keys = {option.name: shown_keys(group, option.name, folders) for option in options}
    shared = shared_keys(list(keys.values())) if len(keys) > 1 and group != EXPERIMENT else {}
    parts = [f"# {group}", GROUPS.get(group, "")]
    if shared:
        home = block_of(group, options[0].name, folders)
        values = values_of_option(home, keys_of_option(group, options[0].name, folders))
        parts += [f"## Keys of every {group}", _table(home, list(shared.values()), values)]
    parts += [part for option in options for part in _option(group, option, own_keys(keys[option.name], shared))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _option(group: str, option: Option, lines: Sequence[KeyLine]) -> Iterator[str]:
    whole, home = keys_of_option(group, option.name, [conf_dir()]), block_of(group, option.name, [conf_dir()])
    yield f"## {group}={option.name}"
    yield _sentence(option.meaning)
    yield _classes(whole)
    if group == EXPERIMENT:
        yield _chosen(option.name)
    if lines:
        yield _table(home, lines, values_of_option(home, whole))
    yield _more(home, whole)


def _classes(lines: Sequence[KeyLine]) -> str:
    """The classes that an option builds, with links to those of segexp."""
    targets = list(dict.fromkeys(target for target in targets_of(lines).values() if target != "???"))
    links = [f"[`{target}`][{target}]" if target.startswith("segexp.") else f"`{target}`" for target in targets]
    return f"Built by {', '.join(links)}." if links else ""


def _chosen(name: str) -> str:
    chosen = chosen_options(name, [conf_dir()])
    words = [f"{key}={str(value).replace(' ', '').replace(chr(39), '')}" for key, value in chosen.items()]
    return f"It chooses `{' '.join(words)}`." if words else ""


def _more(home: str, lines: Sequence[KeyLine]) -> str:
    rows = [f"| `+{key}=` | {_text(values)} |" for key, values in more_keys(home, lines)]
    head = "Not in the YAML, taken by the class:\n\n| key | takes |\n| --- | --- |\n"
    return head + "\n".join(rows) if rows else ""


def _table(home: str, lines: Sequence[KeyLine], values: Mapping[str, str]) -> str:
    """Keys with their default, meaning and what they take, as HTML that a narrow screen shows as a list."""
    head = f"{home}." if home else ""
    rows = [_row(f"{head}{line.key}", line, values.get(line.key, "")) for line in lines]
    return (
        '<table class="keys"><thead><tr><th>key</th><th>default</th><th>meaning</th></tr></thead><tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table>"
    )


def _row(key: str, line: KeyLine, takes: str) -> str:
    value = f"<code>{html.escape(line.value)}</code>" if line.value else ""
    small = f"<small>{html.escape(takes)}</small>" if takes and takes != line.comment else ""
    name = html.escape(key).replace(".", ".<wbr>").replace("_", "_<wbr>")
    return f"<tr><td><code>{name}</code></td><td>{value}</td><td>{html.escape(line.comment)}{small}</td></tr>"


def _text(text: str) -> str:
    """Plain text as Markdown that shows it as it is, also in a table."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]{}#" else letter for letter in html.escape(text, quote=False))
    return escaped.replace("|", "&#124;")
