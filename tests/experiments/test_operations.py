"""The operations of a step, counted in its graph."""

import tensorflow as tf

from keras_gans.experiments.operations import operations


def test_operations_are_those_that_are_needed():
    kernel = tf.Variable(tf.ones((3, 3, 2, 4)))
    matrix = tf.Variable(tf.ones((4, 5)))
    # A multiplication and an addition for each weight and place.
    convolution, matmul = 2 * 36 * (3 * 3 * 2 * 4), 2 * 36 * (4 * 5)

    def step(x, wanted):
        with tf.GradientTape() as tape:
            tape.watch(x)
            features = tf.nn.conv2d(x, kernel, 1, "VALID")
            outputs = tf.matmul(tf.reshape(features, (36, 4)), matrix)
        gradients = tape.gradient(outputs, [x, kernel, matrix])
        return [gradient for gradient, name in zip(gradients, "xkm") if name in wanted]

    def counted(wanted):
        function = tf.function(lambda x: step(x, wanted))
        return operations(function, tf.TensorSpec((1, 8, 8, 2)))

    # The gradient of a sum does not need what it is the sum of.
    assert counted("m") == convolution + matmul
    assert counted("k") == matmul + convolution
    assert counted("xk") == matmul + 2 * convolution
    assert counted("xkm") == 2 * matmul + 3 * convolution


def test_the_profiler_counts_what_is_never_computed():
    kernels = [tf.Variable(tf.ones((3, 3, 2, 2))) for _ in range(2)]

    def counted(gradient_of_images):
        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                features = tf.nn.conv2d(x, kernels[0], 1, "SAME")
                outputs = tf.nn.conv2d(features, kernels[1], 1, "SAME")
            of_images, *gradients = tape.gradient(outputs, [x, *kernels])
            return outputs, gradients, of_images if gradient_of_images else None

        spec = tf.TensorSpec((1, 8, 8, 2))
        profiler = tf.compat.v1.profiler
        options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
        graph = step.get_concrete_function(spec).graph
        found = profiler.profile(graph, options=options)
        return operations(step, spec), found.total_float_ops

    convolution = 2 * 64 * (3 * 3 * 2 * 2)
    assert counted(True) == (6 * convolution, 6 * convolution)
    assert counted(False) == (5 * convolution, 6 * convolution)
