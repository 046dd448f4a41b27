"""`keras-gans presets`: list what can be trained.

Lists all presets by what they learn.

Args:
    options: list every option of every preset instead, as one Markdown table

example:
  keras-gans presets --options
"""

from keras_gans.cli.options import add_verb, text_of
from keras_gans.presets import registry
from keras_gans.training import TASKS, options_of


def add_to(verbs):
    _, add = add_verb(verbs, "presets", _presets, __doc__, is_light=True)
    add("--options", action="store_true")


def preset_list():
    """Returns all presets and their summaries as text, by task."""
    lines = []
    for task in TASKS.values():
        lines += ["", f"{task.title}:"]
        for name, recipe in registry.recipes().items():
            if recipe.task == task.name:
                lines.append(f"  {name:20} {recipe.summary}")
    return "\n".join(lines[1:])


def _presets(options):
    if not options.options:
        print(preset_list())
        print("\nkeras-gans train PRESET --help shows what can be set.")
        return
    rows = {}
    for name, recipe in registry.recipes().items():
        for option in options_of(recipe).values():
            kinds, default = text_of(option)
            takers = rows.setdefault((option.name, kinds), {})
            takers.setdefault(default, []).append(name)
    print("| option | value | presets with their default |\n|:--|:--|:--|")
    for (name, kinds), takers in sorted(rows.items()):
        cells = [
            f"{', '.join(names)}{f' ({default})' if default else ''}"
            for default, names in takers.items()
        ]
        print(f"| --{name.replace('_', '-')} | {kinds} | {'; '.join(cells)} |")
