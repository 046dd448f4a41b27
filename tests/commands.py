"""The command line as its tests call it, in process."""

import contextlib
import io
import types

from keras_gans import cli


def call(*arguments):
    """Calls the command line; returns status, stdout and stderr."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            status = stop.code
    return types.SimpleNamespace(status=status, out=out.getvalue(), err=err.getvalue())


def succeed(*arguments):
    result = call(*arguments)
    assert result.status == 0, result.err
    return result


def fail(*arguments, status=1):
    """Returns the one line that the command line says on stderr."""
    result = call(*arguments)
    assert result.status == status, result.err
    assert "Traceback" not in result.err
    if status == 1:
        assert result.err.startswith(f"keras-gans {arguments[0]}: ")
        assert result.err.count("\n") == 1
    return result.err
