"""The configuration of an object whose arguments are attributes of the same name."""

import inspect

_PACKAGE = f"{__package__}."
_NAMED = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


def arguments_of(instance, without=()):
    """Returns what an object of this package can be made from again.

    Args:
        instance: Object whose classes keep each named argument of their constructors in
            an attribute of the same name.
        without: Names of arguments that are left out.

    Returns:
        Dict from argument to attribute, those of the base classes first.
    """
    arguments = {}
    for kind in reversed(type(instance).__mro__):
        if "__init__" in vars(kind) and kind.__module__.startswith(_PACKAGE):
            _, *parameters = inspect.signature(kind.__init__).parameters.values()
            for parameter in parameters:
                if parameter.kind in _NAMED and parameter.name not in without:
                    arguments[parameter.name] = getattr(instance, parameter.name)
    return arguments
