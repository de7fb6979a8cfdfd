"""Completion in bash, which takes a word apart at ``=``: ``--segment 1-3=form`` comes as three words.

They are put together again before Typer sees them, and what it offers loses what bash will keep of the word. Blanks
and brackets of a name come with a backslash.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Callable

ASKED = "_LIRICH_COMPLETE"
"""The variable in which the shell says what it wants."""
_BREAK = "="
_TAKEN_APART = re.compile(r"[^\w@%+=:,./~-]")
"""What bash does not take for a letter of a word: it puts in what is offered as it is."""


def joined(words: list[str], current: int) -> tuple[list[str], int, str]:
    """Return the words with those around ``=`` as one, the new place of the *current* one, and what bash keeps of it.

    What is kept is empty where the current word was not taken apart.
    """
    whole: list[str] = []
    place, kept = current, ""
    for number, word in enumerate([*words, *([""] if current >= len(words) else [])]):
        inside = bool(whole) and number > 0 and (word == _BREAK or words[number - 1] == _BREAK)
        if inside:
            before = whole[-1]
            whole[-1] += word
        else:
            before = ""
            whole.append(word)
        if number == current:
            place = len(whole) - 1
            kept = whole[-1] if word == _BREAK else before
    return whole, place, kept


def completing() -> bool:
    """Tell whether bash asks for completions."""
    return os.environ.get(ASKED) == "complete_bash"


def complete(run: Callable[[], None]) -> None:
    """Let *run* answer for the words as they were typed, and print what bash is to put in."""
    try:
        words = shlex.split(os.environ.get("COMP_WORDS", ""))
        current = int(os.environ.get("COMP_CWORD", "0"))
    except ValueError:  # an open quotation mark: Typer reads it as it is
        run()
        return
    whole, place, kept = joined(words, current)
    os.environ["COMP_WORDS"] = shlex.join(whole)
    os.environ["COMP_CWORD"] = str(place)
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            run()
    finally:
        for line in told.getvalue().splitlines():
            offered = _TAKEN_APART.sub(lambda letter: f"\\{letter[0]}", line.removeprefix(kept))
            sys.stdout.write(f"{offered}\n")
