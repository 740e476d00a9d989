"""docs/CLI.md names every command, and says of it what its help says."""

from pathlib import Path

import click

from cli.app import afb
from cli.commands import register

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "CLI.md"


def leaves(command, words=("afb",)):
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*words, name))
    else:
        yield " ".join(words), command


def row(words, command):
    """As it is to be written."""
    arguments = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
    first = (command.help or "").split("\n\n")[0].replace("\n", " ").strip()
    return f"| `{' '.join([words, *arguments])}` | {first} |"


def test_every_command_is_in_the_table_as_its_help_has_it():
    register()
    wanted = [row(words, command) for words, command in leaves(afb)]
    text = DOCUMENT.read_text(encoding="utf-8")
    missing = [line for line in wanted if line not in text]
    assert not missing, "\n".join(wanted)
    shown = [line for line in text.splitlines() if line.startswith("| `afb ")]
    assert shown == wanted


def test_no_two_parameters_of_a_command_have_one_name():
    register()
    for words, command in leaves(afb):
        command.get_params(click.Context(command))  # warns, which is an error here
        names = [parameter.name for parameter in command.params]
        assert len(set(names)) == len(names), words


def test_exit_codes_are_those_of_the_code():
    from cli import errors

    text = DOCUMENT.read_text(encoding="utf-8")
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert all(f"\n| {code} |" in text for code in codes), codes
