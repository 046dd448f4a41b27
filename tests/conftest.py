"""Keeps TensorFlow from tidying up for minutes."""

from tensorflow.python.eager import context

# Of each function that is garbage TensorFlow searches all that there are. After the
# models of a few hundred tests that is a pause of up to a minute, again and again.
context.Context.remove_function = lambda self, name: None
