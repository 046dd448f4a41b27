"""Names of attributes, which of them exclude each other, and what is wanted of them."""

import difflib

import numpy as np

from keras_gans.checks import require


class AttributeChoices:
    """The attributes that a model edits.

    Args:
        names: Sequence of different strings.
        exclusive_groups: Sequence of groups of names of which an image has at most one,
            hair colours for example.

    Attributes:
        names: Tuple of strings.
        exclusive_groups: Tuple of tuples of strings, without groups of one.
        places: List of lists of the places of the attributes that are decided together:
            those of a group, or one alone.
    """

    def __init__(self, names, exclusive_groups=()):
        require(
            not isinstance(names, str) and all(isinstance(name, str) for name in names),
            "Argument `attribute_names` must be a sequence of strings",
            TypeError,
            attribute_names=names,
        )
        self.names = tuple(names)
        require(
            self.names and len(set(self.names)) == len(self.names),
            "Argument `attribute_names` must be one or more different names",
            attribute_names=names,
        )
        groups = tuple(tuple(group) for group in exclusive_groups)
        members = [name for group in groups for name in group]
        require(
            set(members) <= set(names) and len(set(members)) == len(members),
            "Argument `exclusive_groups` must hold each name at most once, and only "
            f"names of {self.names}",
            exclusive_groups=groups,
        )
        self.exclusive_groups = tuple(group for group in groups if len(group) > 1)
        grouped = {name for group in self.exclusive_groups for name in group}
        alone = ((name,) for name in self.names if name not in grouped)
        self.places = [
            [self.names.index(name) for name in group]
            for group in (*self.exclusive_groups, *alone)
        ]

    def target(self, attributes, add=(), remove=()):
        """Returns the attributes that images are to have.

        An attribute that is added takes the place of the others in its group.

        `attributes`, `add` and `remove` are as for `AttributeModel.edit`; a NumPy array
        of float32 of shape `(n, attributes)` comes back.
        """
        add, remove = self._find("add", add), self._find("remove", remove)
        for group in self.places:
            wanted = [self.names[place] for place in add if place in group]
            require(
                len(wanted) <= 1,
                f"Argument `add` must name at most one of "
                f"{[self.names[place] for place in group]}, which exclude each other",
                add=wanted,
            )
        both = [self.names[place] for place in add if place in remove]
        require(not both, "`add` and `remove` must not share names", both=both)
        target = np.array(np.atleast_2d(attributes), "float32")
        require(
            target.ndim == 2 and target.shape[1] == len(self.names),
            f"Argument `attributes` must have the shape (n, {len(self.names)}), for "
            f"{', '.join(self.names)}",
            shape=np.shape(attributes),
        )
        require(
            np.isin(target, (0, 1)).all(),
            "Argument `attributes` must consist of 0 and 1",
        )
        target[:, remove] = 0
        for group in self.places:
            for place in set(group) & set(add):
                target[:, group] = 0
                target[:, place] = 1
        return target

    def target_of(self, images, add, remove, attributes, predict_attributes):
        """Returns the attributes that a batch of images is to have, as `target` does.

        `attributes` are those that they have, of one or of all of them; with `None` the
        function `predict_attributes` tells them.
        """
        # Wrong names are found before the network works.
        self.target(np.zeros(len(self.names)), add, remove)
        if attributes is None:
            attributes = predict_attributes(images)
        target = self.target(attributes, add, remove)
        require(
            len(target) in (1, len(images)),
            f"Argument `attributes` must have one row or {len(images)}, as there are "
            "images",
            rows=len(target),
        )
        return np.broadcast_to(target, (len(images), target.shape[1]))

    def _find(self, argument, names):
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            close = difflib.get_close_matches(str(name), self.names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            require(
                name in self.names,
                f"Argument `{argument}` names the unknown attribute {name!r}.{hint} "
                f"Known are {', '.join(self.names)}",
            )
        return [self.names.index(name) for name in names]
