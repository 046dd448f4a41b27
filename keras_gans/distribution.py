"""Training on several devices and machines: what Keras's `fit` lacks for it.

Models train by plain `model.fit` when they are made and compiled inside
`with strategy.scope():`, under `tf.distribute.MirroredStrategy` (the devices of one
machine) and `tf.distribute.MultiWorkerMirroredStrategy` (several machines). Of every
batch each replica gets an equal part; a step is that of one device with the whole
batch:

- gradients are summed over the replicas, before they are clipped and before loss
  scaling looks for overflows; losses are divided by the number of replicas, so the sum
  is the gradient of the mean;
- batch normalization takes its statistics over all replicas;
- random numbers, of dropout too, belong to the samples of the batch: a replica draws
  those of its own samples, which are the ones that a single device would draw for them;
- logged values are means over all replicas;
- an `ImagePool` or `StylePool` keeps what its own replica has seen. Until the pools are
  full this, too, equals one device.

Workers have equal weights at all times. Only the chief writes: a
`keras_gans.callbacks.Checkpoint` gathers what differs between replicas, and every
worker resumes from its files, so the folder must be on a disk that all of them see.

TensorFlow promises no more than that: when a worker dies the others cannot go on
without it and cannot take in a new one. They end with a `WorkerLostError`; started
again, all of them go on from the last checkpoint, exactly.

Everything here that works around Keras or TensorFlow was tested with Keras 3.15.1 and
TensorFlow 2.21.0; `tests/test_distribution.py` shows whether it holds with others.
"""

import contextlib
import functools
import itertools
import json
import signal
import threading
import zlib

import keras
import tensorflow as tf
from keras import ops
from tensorflow.python.data.ops import multi_device_iterator_ops

from keras_gans import cluster
from keras_gans.checks import require

# What TensorFlow raises in a worker when another one is gone, or was started again.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class WorkerLostError(ConnectionError):
    """Another worker of the training has ended, so that this one cannot go on."""


# The cluster -------------------------------------------------------------------------


def is_multi_worker(strategy):
    """Whether a strategy is one of several processes."""
    return (
        isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        # As Keras asks.
        and strategy.extended._in_multi_worker_mode()
    )


def is_chief(strategy):
    """Whether this process is the one that writes, or the only one."""
    if not is_multi_worker(strategy):
        return True
    resolver = strategy.cluster_resolver
    # Without a chief, the first worker is it.
    return resolver.task_type == "chief" or (
        "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0
    )


@contextlib.contextmanager
def workers_watched(strategy):
    """Turns the many errors of a lost worker into a `WorkerLostError`."""
    try:
        yield
    except _LOST as error:
        if not is_multi_worker(strategy):
            raise
        raise WorkerLostError(
            "Another worker has ended or cannot be reached, and training cannot go on "
            "without it. Start all workers again: they go on from the last checkpoint."
        ) from error


@contextlib.contextmanager
def _interruptible():
    """Lets Ctrl-C end the process at once while it waits outside of Python."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def mirrored():
    """Returns a `MirroredStrategy` of all GPUs, or says that there is only a CPU."""
    strategy = tf.distribute.MirroredStrategy()
    count = strategy.num_replicas_in_sync
    if count == 1:
        print("TensorFlow sees one device only, so there is nothing to distribute.")
    else:
        print(f"Each batch is shared by {count} devices.")
    return strategy


def connect():
    """Returns a `MultiWorkerMirroredStrategy` of the workers that were started.

    It waits until all of them are there. To be called before TensorFlow computes
    anything. How it finds the others: `keras_gans.cluster`.
    """
    configuration = cluster.tf_config()
    cluster.export(configuration)
    _let_epochs_end_at_once()
    task, jobs = configuration["task"], configuration["cluster"]
    workers = sum(map(len, jobs.values()))
    print(
        f"This is {task['type']} {task['index']}, at "
        f"{jobs[task['type']][task['index']]}. Waiting for all {workers} workers ...",
        flush=True,
    )
    try:
        with _interruptible():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (*_LOST, tf.errors.UnknownError) as error:
        raise WorkerLostError(
            "Not all workers could be reached. Are all of them started, with the same "
            f"addresses, and may they connect to each other? ({error.message[:200]})"
        ) from error
    others = "" if is_chief(strategy) else " The first of them, the chief, tells more."
    print(
        f"{workers} workers with {strategy.num_replicas_in_sync} devices.{others}",
        flush=True,
    )
    return strategy


def _let_epochs_end_at_once():
    """Switches autotuning off in the buffers between workers' datasets and devices.

    At the end of an epoch its thread is waited for, in the end up to a minute.
    """
    original = multi_device_iterator_ops._create_device_dataset
    options = tf.data.Options()
    options.autotune.enabled = False
    multi_device_iterator_ops._create_device_dataset = functools.wraps(original)(
        lambda *arguments: original(*arguments).with_options(options)
    )


def gather(strategy, number):
    """Returns a list of the integers that the workers give; all must call it."""
    if not is_multi_worker(strategy):
        return [number]
    # As a float, which every collective operation takes.
    gathered = _number_gathering(strategy)(tf.constant(number, tf.float64))
    gathered = strategy.experimental_local_results(gathered)[0].numpy()
    return [int(one) for one in gathered[:: len(strategy.extended.worker_devices)]]


@functools.cache
def _number_gathering(strategy):
    """Returns the function of `gather`, so that it is traced once."""
    return tf.function(lambda number: strategy.run(_gather_in_replica, args=(number,)))


def _gather_in_replica(values):
    """Returns values of shape `(replicas, ...)`, in the order of the replicas.

    It is a sum in which all but one addend are 0: the order of `all_gather` over
    workers with several replicas each is another one.
    """
    context = tf.distribute.get_replica_context()
    place = tf.one_hot(
        context.replica_id_in_sync_group, context.num_replicas_in_sync, dtype=tf.float64
    )
    is_own = tf.reshape(place > 0, [-1] + [1] * len(values.shape))
    spread = tf.where(is_own, values[None], tf.zeros_like(values)[None])
    return context.all_reduce(tf.distribute.ReduceOp.SUM, spread)


def check_agreement(strategy, what, value):
    """Raises a `ValueError` unless all workers have the same; all must call it.

    Args:
        strategy: The strategy of the training.
        what: What the value is, for the message.
        value: Anything that JSON can hold.
    """
    if not is_multi_worker(strategy):
        return
    text = json.dumps(value, sort_keys=True, default=str)
    checksums = gather(strategy, zlib.crc32(text.encode()))
    differing = [number for number, one in enumerate(checksums) if one != checksums[0]]
    require(
        not differing,
        f"All workers must have the same {what}. Of this, worker(s) {differing} have "
        "another one than worker 0: start all of them with the same command, in "
        f"folders that all of them see. Here: {text[:500]}",
    )


# Inside of a step --------------------------------------------------------------------


def replicas():
    """Returns how many replicas share a batch, where this is called."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _shares_batches():
    return replicas() > 1 and tf.distribute.get_replica_context() is not None


@contextlib.contextmanager
def same_on_all_replicas(seed):
    """Lets a `ReplicaSeedGenerator` give all replicas the same seeds."""
    is_generator = hasattr(seed, "is_common")
    before = is_generator and seed.is_common
    if is_generator:
        seed.is_common = True
    try:
        yield
    finally:
        if is_generator:
            seed.is_common = before


def draw(function, shape, seed, **arguments):
    """Draws random numbers for the samples of a batch.

    Of several replicas each draws for the whole batch and keeps those of its own part,
    so they are the same on any number of replicas.

    Args:
        function: One of `keras.random`, say `keras.random.normal`.
        shape: Shape `(batch, ...)` of what is wanted, on this replica.
        seed: As for `function`. Generators must be at the same place on all replicas.
        **arguments: Further ones of `function`.
    """
    if not _shares_batches():
        return function(shape, seed=seed, **arguments)
    batch, *rest = shape
    with same_on_all_replicas(seed):
        values = function((replicas() * batch, *rest), seed=seed, **arguments)
    return _own_part(values, shape)


def over_whole_batch(function, values, seed=None):
    """Applies a function to the values of all replicas, and returns the own part.

    Args:
        function: From a tensor `(samples, ...)` to one of this shape.
        values: Tensor `(batch, ...)`, small: all replicas get all of them.
        seed: What `function` draws its random numbers with.
    """
    if not _shares_batches():
        return function(values)
    whole = _gather_in_replica(values)
    shape = ops.shape(values)
    with same_on_all_replicas(seed):
        whole = function(ops.reshape(whole, (replicas() * shape[0], *shape[1:])))
    return _own_part(whole, shape)


def _own_part(values, shape):
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.gather(tf.reshape(values, (replicas(), *shape)), number)


def summed(tensors):
    """Sums a list of tensors, gradients say, over the replicas; `None` stays.

    All are exchanged at once: each exchange with other machines takes some time,
    however small it is.
    """
    if not _shares_batches():
        return tensors
    known = [tensor for tensor in tensors if tensor is not None]
    context = tf.distribute.get_replica_context()
    known = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, known))
    return [None if tensor is None else next(known) for tensor in tensors]


def take_summed_gradients(optimizer):
    """Lets a Keras optimizer take gradients that are summed over the replicas already.

    It would sum them itself, but after it has clipped them, and after loss scaling has
    asked one replica whether its gradients are finite.
    """
    if replicas() == 1:
        return
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    require(
        hasattr(optimizer, "_all_reduce_sum_gradients"),
        "This version of Keras sums gradients in another way: use keras==3.15.1",
        RuntimeError,
        keras=keras.__version__,
    )
    optimizer._all_reduce_sum_gradients = list
    require(
        not optimizer.gradient_accumulation_steps,
        "Argument `gradient_accumulation_steps` of an optimizer must be None where "
        "several replicas share a batch",
        gradient_accumulation_steps=optimizer.gradient_accumulation_steps,
    )


def synchronize(network):
    """Lets the batch normalizations of a network see the batches of all replicas."""
    if replicas() == 1:
        return
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


# What `fit` needs --------------------------------------------------------------------


def reducible_logs(strategy, step):
    """Wraps a `train_step` or `test_step` for Keras's mean over workers.

    Keras takes it over the first axis of each logged value, and scalars have none.
    """
    if not is_multi_worker(strategy):
        return step

    def reducible_step(data):
        return {name: ops.reshape(value, (1,)) for name, value in step(data).items()}

    return reducible_step


def one_by_one(strategy, function, steps):
    """Wraps a training function of several steps in an execution.

    Keras's loop in the graph fails with several workers (`steps_per_execution=2`), and
    its other one, over a Python iterator, does not.
    """
    if not is_multi_worker(strategy) or steps == 1:
        return function

    def call(iterator):
        # Raises what ends the epoch here, and not in the generator.
        first = next(iterator)
        rest = itertools.islice(iterator, steps - 1)
        return function(batch for batch in itertools.chain([first], rest))

    return call


def check_length(strategy, data, steps_per_epoch):
    """Raises a `ValueError` if workers would not know when their data end.

    TensorFlow would give a worker empty batches as long as another has any.
    """
    if is_multi_worker(strategy) and isinstance(data, tf.data.Dataset):
        require(
            steps_per_epoch or int(data.cardinality()) >= 0,
            "With several workers, a dataset must know its length. Give "
            "`steps_per_epoch` to `fit`, or use `tf.data.experimental."
            "assert_cardinality`",
        )


def own_share(strategy, data):
    """Returns numbered data as each worker reads them: its part of every batch.

    Args:
        strategy: The strategy of the model.
        data: Dataset of `keras_gans.data`; other datasets are left to TensorFlow, which
            lets every worker read all and drop what is for others.
    """
    if not is_multi_worker(strategy):
        return data
    count = strategy.num_replicas_in_sync
    size = data.identity.get("batch_size")
    require(
        size % count == 0,
        f"The batch size must be a multiple of the {count} replicas that share a batch",
        batch_size=size,
    )
    check_agreement(strategy, "data", data.identity)

    def make(context):
        share = data.share(context.input_pipeline_id, context.num_input_pipelines)
        local = count // context.num_input_pipelines
        if local > 1:
            # TensorFlow takes an element for each replica.
            share = share.map(
                lambda *parts: tf.nest.map_structure(
                    lambda part: tf.reshape(
                        part, (local, part.shape[0] // local, *part.shape[1:])
                    ),
                    parts if len(parts) > 1 else parts[0],
                )
            ).unbatch()
        return share

    # All workers have as many batches: TensorFlow need not ask in each step whether
    # another one has none left.
    strategy.extended.experimental_enable_get_next_as_optional = False
    try:
        share = strategy.distribute_datasets_from_function(make)
    finally:
        strategy.extended.experimental_enable_get_next_as_optional = True
    # It is unknown to TensorFlow, and `fit` would try to train one batch too many.
    share._cardinality = data.steps_per_epoch
    return share


# Checkpoints -------------------------------------------------------------------------


class ReplicaState:
    """Variables whose values differ between replicas, as a checkpoint holds them.

    Args:
        strategy: The strategy of the model.
        variables: List of Keras variables.

    Attributes:
        of_replicas: Dict from `"of_replica_1"` and so on to lists of `tf.Variable`s.
            The values of replica 0 are those of the variables themselves, in the chief.
    """

    def __init__(self, strategy, variables):
        self._strategy, self._variables = strategy, variables
        self.of_replicas = {
            f"of_replica_{replica}": [
                tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
                for variable in variables
            ]
            for replica in range(1, strategy.num_replicas_in_sync)
        }

        # Integers become floats, which every collective operation takes.
        self._gather = tf.function(
            lambda: strategy.run(
                lambda: [
                    _gather_in_replica(tf.cast(one, _float_for(one.dtype)))
                    for one in variables
                ]
            )
        )

    def collect(self):
        """Fills `of_replicas`; every worker must call it."""
        if not self.of_replicas:
            return
        local = self._strategy.experimental_local_results
        for place, values in enumerate(self._gather()):
            values = local(values)[0].numpy()[1:]
            for holders, value in zip(self.of_replicas.values(), values, strict=True):
                holders[place].assign(tf.cast(value, holders[place].dtype))

    def spread(self):
        """Gives every replica of this process what `of_replicas` holds for it."""
        if not self.of_replicas:
            return
        numbers = self._strategy.experimental_distribute_values_from_function(
            lambda context: context.replica_id_in_sync_group
        )
        numbers = self._strategy.experimental_local_results(numbers)
        for place, variable in enumerate(self._variables):
            # The first copy holds what is for replica 0, and is changed last.
            pairs = list(zip(copies_of(variable), map(int, numbers), strict=True))
            for copy, number in reversed(pairs):
                if number:
                    copy.assign(self.of_replicas[f"of_replica_{number}"][place])


def _float_for(dtype):
    return dtype if tf.as_dtype(dtype).is_floating else "float64"


def copies_of(variable):
    """Returns the `tf.Variable`s that hold a Keras variable, one for each replica."""
    return getattr(variable.value, "values", (variable.value,))
