"""The configuration of an object whose arguments are attributes of the same name."""

import inspect

_PACKAGE = f"{__package__}."


def arguments_of(instance):
    """Returns what an object of this package can be made from again.

    Args:
        instance: Object whose classes keep each named argument of their constructors in
            an attribute of the same name.

    Returns:
        Dict from argument to attribute, those of the base classes first.
    """
    arguments = {}
    for kind in reversed(type(instance).__mro__):
        if "__init__" in vars(kind) and kind.__module__.startswith(_PACKAGE):
            _, *parameters = inspect.signature(kind.__init__).parameters.values()
            for parameter in parameters:
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                    arguments[parameter.name] = getattr(instance, parameter.name)
    return arguments
