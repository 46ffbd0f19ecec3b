"""pplang completion SHELL: a script that completes commands, options, and files by their endings."""

from __future__ import annotations

from argparse import Namespace

from pplang.cli import terminal
from pplang.cli.parser import COMMANDS, of_command

_BASH = """\
_pplang() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$word"))
    return
  fi
  case "$command" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _pplang pplang
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n" + _BASH


def run(chosen: Namespace) -> int:
    """Print the script."""
    options = _options()
    if chosen.shell == "fish":
        terminal.result(_fish(options))
        return 0
    cases = "\n".join(f'    {name}) options="{" ".join(words)}" ;;' for name, words in options.items())
    template = _ZSH if chosen.shell == "zsh" else _BASH
    terminal.result(template.format(commands=" ".join(COMMANDS), cases=cases))
    return 0


def _options() -> dict[str, list[str]]:
    """The options of each command."""
    return {name: [option for action in of_command(name)._actions for option in action.option_strings] for name in COMMANDS}


def _fish(options: dict[str, list[str]]) -> str:
    lines = [f"complete -c pplang -n __fish_use_subcommand -f -a {name} -d '{COMMANDS[name].help}'" for name in options]
    for name, words in options.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c pplang -n {seen} {_fish_option(word)}" for word in words]
    return "\n".join(lines) + "\n"


def _fish_option(word: str) -> str:
    return f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
