"""The command line: a thin face over `lirich.workbench`."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typer import Typer

STOPPED = 130
"""Exit code after Ctrl-C, as shells give it: 128 + SIGINT."""

_PATIENCE_S = 5.0  # for threads and workers to end after Ctrl-C
_FREEING_S = 1.0
_AGAIN_S = 0.05
_asked = threading.Event()
_stopped = threading.Event()


def main() -> None:
    """Run ``lirich``: one of its own errors becomes a short message and exit code 2, not a traceback."""
    sys.unraisablehook = _unraisable
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may be no text; JSON has the same escapes
    atexit.register(_leave)  # the first to be registered is the last to run
    signal.signal(signal.SIGINT, _ask)
    try:
        try:
            _run()
        finally:
            # what follows ends by itself, and soon; a Ctrl-C would only print where it was, or change the exit code
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        _stop()
    except BrokenPipeError:
        # `lirich … | head`: nobody reads on
        sys.stderr.close()
        sys.exit(141)
    except Exception:
        if not _asked.is_set():
            raise
        _stop()  # compiled code in between made another error of the KeyboardInterrupt, as pydantic's does


def _run() -> None:
    from lirich.cli import bash
    from lirich.cli.app import app
    from lirich.cli.output import show_error
    from lirich.errors import LirichError

    try:
        if bash.completing():
            bash.complete(app)
        else:
            _obey(app)
    except LirichError as error:
        if _asked.is_set():
            raise
        show_error(error)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == STOPPED:  # Typer makes a silent exit of KeyboardInterrupt
            raise KeyboardInterrupt from None
        raise


def _obey(app: Typer) -> None:
    """Run what the arguments ask for; with ``--json`` among them, a wrong call is an error as all others are.

    Raises `UsageError` for a wrong call with ``--json``; without it, Typer says it in words. Raises `InputError`
    where the system refuses a file by name and no verb has said so, or the working folder is gone.
    """
    from lirich.cli.output import want_json
    from lirich.errors import InputError, UsageError

    arguments = sys.argv[1:]
    asked = "--json" in arguments[: arguments.index("--")] if "--" in arguments else "--json" in arguments
    try:
        if not asked:
            app()
            return
        want_json(True)
        sys.exit(app(standalone_mode=False) or 0)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and _nowhere():
            raise InputError("The folder that you are in is gone", advice="Change into another one (cd)") from error
        if error.filename is None or isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            f"{os.fspath(error.filename)}: {error.strerror or error}", advice="Check the path and the rights"
        ) from error
    except Exception as error:
        # Typer carries a Click of its own, whose classes it does not publish: a wrong call is known by what it offers
        said = getattr(error, "format_message", None)
        if not asked or said is None:
            raise
        context = getattr(error, "ctx", None)
        command = "lirich" if context is None else context.command_path
        usage = "" if context is None else " ".join(context.get_usage().removeprefix("Usage: ").split())
        raise UsageError(said(), expected=usage, advice=f"{command} --help lists its arguments") from error


def _nowhere() -> bool:
    """Tell whether the working folder was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _ask(number: int, frame: FrameType | None) -> None:
    _asked.set()
    signal.default_int_handler(number, frame)


def what_is_kept(arguments: Sequence[str]) -> str:
    """Say what a run with these *arguments* leaves behind when it is stopped."""
    verb = next((each for each in arguments if not each.startswith("-")), "")
    if verb == "study" or (verb == "simulate" and any(each.startswith("--best-radius") for each in arguments)):
        return "In a workspace the points that were done are kept, and the same command goes on; elsewhere nothing is."
    if verb == "simulate":
        return "A simulation that was not at its end is not kept."
    if verb in ("fit", "design-cell", "interface"):
        return "Nothing is kept of a run that is not at its end."
    return "What was confirmed is kept; run the same command to go on."


def _stop() -> None:
    """End with one line and exit code 130, whatever was going on."""
    after_echo = "\n" if sys.stderr.isatty() else ""  # the terminal has just written ^C
    sys.stderr.write(f"{after_echo}Stopped. {what_is_kept(sys.argv[1:])}\n")
    _stopped.set()
    _later(_PATIENCE_S, _free)
    _later(_PATIENCE_S + _FREEING_S, lambda: os._exit(STOPPED))
    sys.exit(STOPPED)


def _later(seconds: float, do: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()


def _free() -> None:
    # the semaphores of a pool outlive a process that ends by os._exit; multiprocessing would say so after our line
    if "multiprocessing.util" in sys.modules:
        util: Any = sys.modules["multiprocessing.util"]
        util._run_finalizers(0)


def _leave() -> None:
    # where KeyboardInterrupt has passed through exec, Python ends by SIGINT and not with the code of sys.exit
    if _stopped.is_set():
        _free()  # what multiprocessing does itself only where it was imported after main() began
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(STOPPED)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C again that came where Python cannot raise it, as in a callback of the import system."""
    if what.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(what)
        return
    _later(_AGAIN_S, lambda: signal.raise_signal(signal.SIGINT))
