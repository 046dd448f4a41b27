"""How many operations a step takes."""

_COUNTED = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def operations(function, *arguments):
    """Counts the operations of convolutions and products that a `tf.function` needs.

    TensorFlow's profiler also counts what stands in the graph and is never computed,
    such as a gradient towards the images, and takes padded for unpadded sizes on the
    way back through a convolution.

    Args:
        function: A `tf.function` whose shapes are all known.
        *arguments: Tensors or their `tf.TensorSpec`s.

    Returns:
        An integer, a multiplication and an addition counted as two.
    """
    graph = function.get_concrete_function(*arguments).graph
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    seen, count = set(), 0
    while waiting:
        op = waiting.pop()
        if op.name in seen:
            continue
        seen.add(op.name)
        waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
        if op.type in _COUNTED:
            # Each value behind the kernel, or its gradient, takes a multiplication and
            # an addition for each weight of its channel.
            behind = op.outputs[0] if op.type == "Conv2D" else op.inputs[2]
            is_kernel = op.type == "Conv2DBackpropFilter"
            kernel = op.outputs[0] if is_kernel else op.inputs[1]
            count += 2 * behind.shape.num_elements() * kernel.shape[:3].num_elements()
        elif op.type == "MatMul":
            shared = op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
            count += 2 * op.outputs[0].shape.num_elements() * shared
    return count
