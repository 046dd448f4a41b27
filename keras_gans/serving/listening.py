"""The address that a server listens on."""

import errno
import os
import socket

_SENTENCES = {
    errno.EADDRINUSE: "Port {port} of {host} is in use, by another server maybe: give "
    "another --port, or 0 for any that is free.",
    errno.EADDRNOTAVAIL: "{host} is no address of this machine: give another --host.",
    errno.EACCES: "Port {port} needs rights that you do not have: give a --port of at "
    "least 1024.",
}


def listen(host, port):
    """Returns a socket that listens.

    Args:
        host: String, an address of this machine.
        port: Integer, 0 for any that is free.

    Raises:
        OSError: If it cannot; the message says in one sentence what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family)
    except socket.gaierror as error:
        raise OSError(f"'{host}' is no address: give another --host.") from error
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        other = f"{{host}}:{{port}} cannot be used ({os.strerror(error.errno)})."
        sentence = _SENTENCES.get(error.errno, other)
        raise OSError(sentence.format(host=host, port=port)) from error
