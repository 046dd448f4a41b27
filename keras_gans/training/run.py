"""The folder of a training run: it trains, resumes, scores and exports."""

import contextlib
import inspect
import math
import os
import pathlib
import time

import keras_gans
from keras_gans.checks import cache_place, require
from keras_gans.files import load_keras_file, read_json, write_json
from keras_gans.folder_lock import FolderLock, claim, claim_next
from keras_gans.progress import is_shown
from keras_gans.training import exports, record, sources
from keras_gans.training.configuration import Configuration, task_of
from keras_gans.training.lengths import iterations_of, length, stop_at

# From a folder that `next_free` has found to its lock.
_claims = {}


class Run:
    """A training run in one folder.

    `run.json` (command, configuration, versions), `history.csv`, `table.md` and
    `table.csv`, `score.json`, `samples/`, `figures/`, `checkpoints/`, `model.keras` and
    the exported SavedModel in `export/1/`; with a feature network `evaluation.csv`, the
    distances over training, and `best.keras`, the model where they were lowest.

    While it is trained or scored, the folder belongs to this process alone (see
    `keras_gans.folder_lock.FolderLock`); in a `with` block, for the whole of it.

    `run.json` says in `state` whether the run is in `training`, `interrupted` or
    `finished`, and in `iterations` and `batches` how much of it the folder holds. In
    `training` and held by no process, it was killed. When it goes on (`resumes`), the
    results of the shorter training are removed.

    Args:
        directory: The folder.
        configuration: A `Configuration`.
        record: Dict, what else `run.json` says.

    Attributes:
        strategy: Optional `tf.distribute.Strategy` to train with, see
            `keras_gans.distribution`. Of several workers the chief alone writes, prints
            and scores; the folder must be the same, on a disk that all of them see.
    """

    strategy = None

    def __init__(self, directory, configuration, record=None):
        self.directory = pathlib.Path(directory)
        self.configuration = configuration
        self.record = record or {}
        # What the file of an opened run names was not given by who uses it now.
        self._is_opened, self.command = False, ""
        self._lock, self._uses = FolderLock(self.directory), 0

    def __enter__(self):
        self._lock.acquire()
        self._uses += 1
        return self

    def __exit__(self, *_):
        self._uses -= 1
        if not self._uses:
            self._lock.release()

    @classmethod
    def create(cls, directory, configuration, command):
        """Makes the folder of a new run; refuses one that already holds something.

        From here to the end of its training it belongs to this process. `run.json` is
        written when training starts: a run whose data or networks cannot be used leaves
        an empty folder, and the corrected command may name it again.
        """
        directory = pathlib.Path(directory)
        sources.check_apart(configuration, directory)
        lock = claim(directory)
        if lock is None:
            raise FileExistsError(
                f"{directory} exists and is not empty. Choose another --output, or go "
                "on with the run in it by --resume."
            )
        # Who asked `next_free` has it from now on.
        _claims.pop(directory.resolve(), None)
        # Beside the command, where what it names was found.
        where = {"directory": os.path.abspath(directory)}
        run = cls(directory, configuration, {**where, **record.start(command)})
        run.command = command
        run._lock = lock
        return run

    @classmethod
    def open(cls, directory, command=""):
        """Opens a run that was started before, also by an earlier version.

        Args:
            directory: Its folder.
            command: What `run.json` is to say of a training from here on.
        """
        path = pathlib.Path(directory) / "run.json"
        try:
            found = record.read(directory)
            content = found.pop("configuration")
            sources.check_preset(path, content)
            version = found.get("versions", {}).get("keras_gans")
            configuration = Configuration.from_dict(content, version)
        except FileNotFoundError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} does not describe a run as this version of keras_gans writes "
                f"it. Train into a new folder. ({error!r})"
            ) from error
        before = found.get("directory")
        configuration = sources.follow(configuration, before, directory)
        run = cls(directory, configuration, found)
        run._is_opened, run.command = True, command
        return run

    def change_length(self, steps=None, epochs=None):
        """Gives the run another length, from the next `train` on.

        Args:
            steps: Positive integer, iterations since the start of the run, or `None`.
            epochs: Instead of them, passes over the images.
        """
        self.configuration = self.configuration.replace(steps=steps, epochs=epochs)

    def change_cache(self, cache):
        """Keeps the decoded images elsewhere, unless that is `None`."""
        if cache is not None:
            self.configuration = self.configuration.replace(cache=cache_place(cache))

    def change(self, **options):
        """Changes learning rates or weights of losses, from the next `train` on.

        `learning_rate` is that of both roles, in the place of one that was given for a
        single role.

        Returns:
            A list of what is different, tuples of the name, the value before and the
            new one.
        """
        before = self.configuration.options
        roles = ("generator_learning_rate", "discriminator_learning_rate")
        dropped = [name for name in roles if name in before]
        dropped = dict.fromkeys(dropped if "learning_rate" in options else ())
        self.configuration = self.configuration.replace(**{**dropped, **options})
        changed = []
        for name, value in options.items():
            old = before.get(name, self.configuration.recipe.options[name].default)
            old = tuple(old) if isinstance(old, list) else old
            if old != value:
                changed.append((name, old, value))
        return changed

    def train(self, verbose="auto", log=()):
        """Trains to the end of the run, from its last checkpoint if there is one.

        Args:
            verbose: As in `keras.Model.fit`. `"auto"` is a progress bar on a terminal
                and in a notebook, and a line for each epoch elsewhere.
            log: Names of `keras_gans.callbacks.Trackers`, beside those before.

        Returns:
            The trained model.

        Raises:
            FolderInUseError: If another process uses the folder.
        """
        if verbose == "auto":
            verbose = 1 if is_shown() else 2
        from keras_gans.distribution import workers_watched

        with self, workers_watched(self.strategy):
            return self._train(verbose if self.is_chief else 0, log)

    def _train(self, verbose, log):
        from keras_gans.distribution import check_agreement

        callbacks = keras_gans.callbacks
        configuration = self.configuration.to_dict()
        check_agreement(self.strategy, "configuration", configuration)
        names = log if self.is_chief else None
        trackers = callbacks.Trackers(self.directory, configuration, names)
        data, model, task = self._prepare(verbose)
        steps_per_epoch = data.steps_per_epoch
        total = self._batches(model, data)
        checkpoints = self.directory / "checkpoints"
        trained = callbacks.Checkpoint.latest_step(checkpoints) or 0
        if trained > total:
            raise ValueError(
                f"The run in {self.directory} has trained {length(model, trained)} "
                "already. Its length must not be less. "
                f"Received: {length(model, total)}."
            )
        require(
            iterations_of(model, total),
            f"The generator would never be updated: it learns in one of "
            f"{model.batches(1)} batches, and the training has {total}. Give --steps, "
            "more --epochs or a smaller --batch-size",
        )
        require(
            trained or not self.is_finished,
            f"{checkpoints} holds no checkpoint to go on from, and {self.directory} a "
            "model that would be lost. Train into a new folder",
            FileNotFoundError,
        )
        # A size that a network does not take is refused before anything is written.
        task.try_out(model)
        checkpoint = callbacks.Checkpoint(
            checkpoints, data, save_freq=min(steps_per_epoch, 250)
        )
        if not trained:
            self._write_record("training", model, 0)
        try:
            if trained == total:
                # `fit` would train one batch before a callback could stop it.
                checkpoint.set_model(model)
            else:
                model.fit(
                    data,
                    epochs=math.ceil(total / steps_per_epoch),
                    # First the guard, so that nothing is written of a step that is not
                    # finite; last the checkpoint, when all else about the step is
                    # written.
                    callbacks=[
                        callbacks.FiniteGuard(),
                        *self._callbacks(model, task, total, trained, trackers),
                        stop_at(total, steps_per_epoch),
                        checkpoint,
                    ],
                    verbose=verbose,
                )
            if self.is_chief:
                # A kill leaves no half of it.
                temporary = self.directory / "model.tmp.keras"
                model.save(temporary)
                os.replace(temporary, self.directory / "model.keras")
        except BaseException:
            trackers.end(finished=False)
            if self.record.get("state") == "training":
                # Of what was trained since the last checkpoint, nothing is left.
                trained = callbacks.Checkpoint.latest_step(checkpoints) or 0
                with contextlib.suppress(OSError):  # The disk may be full.
                    self._write_record("interrupted", model, trained)
            raise
        trackers.end(finished=True)
        self._write_record("finished", model, total)
        return model

    @property
    def is_chief(self):
        """Whether this process writes to the folder: all but further workers do."""
        from keras_gans.distribution import is_chief

        return is_chief(self.strategy)

    def _callbacks(self, model, task, total, trained, trackers):
        """Returns the callbacks of what a run tells of its training."""
        callbacks = keras_gans.callbacks
        of_task = task.callbacks(model, self.directory, total)
        if not self.is_chief:
            return [one for one in of_task if hasattr(one, "changes_training")]
        arguments = {"save_freq": self.configuration.recipe.sample_freq}
        pictures = callbacks.Pictures(
            self.directory / "samples", task.draw, log=trackers, **arguments
        )
        return [
            pictures,
            callbacks.LossTable(self.directory),
            *of_task,
            callbacks.LossHistory(self.directory),
            trackers,
            self._go_on_from(trained),
        ]

    def _go_on_from(self, trained):
        """Returns a callback that starts further training, if any was before.

        When it is called the checkpoint is restored, which holds the state of all that
        is removed.
        """
        import keras

        def start(logs):
            if trained:
                model = callback.model
                record.remove_results(self.directory, iterations_of(model, trained))
                resumes = self.record.setdefault("resumes", [])
                resumes.append(record.start(self.command))
                self.record["directory"] = os.path.abspath(self.directory)
                self._write_record("training", model, trained)

        callback = keras.callbacks.LambdaCallback(on_train_begin=start)
        return callback

    def dry_run(self, steps=5):
        """Checks data and networks, times some steps, and writes no file of a run.

        Returns:
            A dict: `parameters` by network, `batches` of the whole run, the estimates
            `seconds_per_batch`, `seconds`, `memory_bytes` and `disk_bytes`, and
            `caches`, the folders of images that it decoded, which stay for the run.
        """
        from keras_gans.data import cache

        before = len(cache.made)
        data, model, task = self._prepare(verbose=0)
        total = self._batches(model, data)
        task.try_out(model)
        model.build_state(data.element_spec)
        batches = iter(data.take(steps + 2).repeat())
        model.make_train_function()
        step = model.train_function
        step(batches)
        if hasattr(model, "n_critic"):
            for _ in range(model.n_critic):  # The generator's update is traced, too.
                step(batches)
        started = time.perf_counter()
        for _ in range(steps):
            logs = step(batches)
        float(next(iter(logs.values())))  # Waits for the last step.
        seconds = (time.perf_counter() - started) / steps
        state = sum(
            variable.shape.num_elements() * variable.dtype.size
            for variables in model.training_state().values()
            for variable in variables
        )
        from keras_gans.data.images import encode_png

        pictures = total // self.configuration.recipe.sample_freq + 2
        return {
            "parameters": {
                name: getattr(model, name).count_params()
                for name in model.network_names
            },
            "batches": total,
            "seconds_per_batch": seconds,
            "seconds": seconds * total,
            "memory_bytes": record.peak_memory(),
            # Two checkpoints and one that is being written, the model and its export.
            "disk_bytes": 5 * state + pictures * len(encode_png(task.draw(model))),
            "caches": cache.made[before:],
        }

    @property
    def is_finished(self):
        """Whether it is trained to its end; `run.json` is what says so."""
        if not (self.directory / "model.keras").exists():
            return False
        path = self.directory / "run.json"
        state = read_json(path).get("state") if path.exists() else None
        return state in ("finished", None)  # Earlier versions did not say it.

    def model_path(self):
        """Returns the path of `model.keras`; raises if the run is not finished."""
        if not self.is_finished:
            raise FileNotFoundError(
                f"The run in {self.directory} is not finished: it has no model.keras. "
                f"Finish it: keras-gans train --resume --output {self.directory}. Or "
                "take its latest checkpoint: keras-gans export "
                f"{self.directory} DIR"
            )
        return self.directory / "model.keras"

    def load_model(self):
        """Loads the model, for use and not for training.

        Of a run that is not finished, it is that of the latest checkpoint.
        """
        Checkpoint = keras_gans.callbacks.Checkpoint
        checkpoints = self.directory / "checkpoints"
        if not self.is_finished and Checkpoint.latest_step(checkpoints):
            data, model, _ = self._prepare(verbose=0)
            Checkpoint(checkpoints, data).set_model(model)
            return model
        # Compiling would ask for the pretrained network of a semantic loss.
        return exports.checked(self, load_keras_file(self.model_path()))

    def score(self, model):
        """Scores the model on test images; writes `score.json`.

        Returns:
            A dict, or `None` when the data has no test images, or lacks labels that
            are needed.
        """
        with self:
            self.check_sources(("x", "y", "attributes"))
            scores = task_of(self.configuration).score(model)
            if scores is not None:
                write_json(self.directory / "score.json", scores)
                exports.add_scores(self, scores)
        return scores

    def export(self, model, directory=None, weights_dtype="float32", data_licence=None):
        """Exports the model as a SavedModel; see `keras_gans.export.save`.

        Args:
            model: The model.
            directory: Folder of all versions. Defaults to `export/` of the run.
            weights_dtype: As for `keras_gans.export.save`.
            data_licence: Optional string, the licence of the data, for the model card.
        """
        directory = directory or self.directory / "export"
        metadata = exports.metadata_of(self, data_licence)
        return keras_gans.export.save(model, directory, None, weights_dtype, metadata)

    def _prepare(self, verbose):
        """Returns the data, the compiled model and the task."""
        self.check_sources()
        task = task_of(self.configuration)
        data = task.make_data()
        model = self._build(data, task)
        if self._needs_semantic_weight():
            # A run that is resumed keeps it.
            weight = model.semantic_weight
            self.configuration = self.configuration.replace(semantic_weight=weight)
            if verbose:
                print(f"Semantic weight: {weight:g}", flush=True)
        return data, model, task

    def check_sources(self, keys=None):
        """Refuses the data of an opened run that are not there any more."""
        if self._is_opened:
            sources.check(self.directory / "run.json", self.configuration, keys)

    def _needs_semantic_weight(self):
        """Whether a semantic loss is to be balanced with the others."""
        known, options = self.configuration.recipe.options, self.configuration.options
        extractor = known.get("feature_extractor")
        return "semantic_weight" not in options and bool(
            extractor and options.get("feature_extractor", extractor.default)
        )

    def _build(self, data, task):
        """Builds and compiles the model of the preset in the run's precision."""
        import keras

        configuration = self.configuration
        build = configuration.recipe.build
        parameters = inspect.signature(build).parameters
        options = configuration.options
        supplied = {
            "size": configuration.size,
            "seed": configuration.seed,
            "jit_compile": configuration.jit_compile,
            **task.preset_arguments(data),
            **options,
        }
        sees_colours = "grey_x" in parameters and options.get("grey_x") is None
        if sees_colours or self._needs_semantic_weight():
            supplied["example_images"] = task.example_images()
        if "total_steps" in parameters:
            n_critic = options.get("n_critic")
            if n_critic is None and "n_critic" in parameters:
                n_critic = parameters["n_critic"].default
            total = (configuration.steps or 0) * (n_critic or 1)
            total = total or configuration.epochs * data.steps_per_epoch
            supplied["total_steps"] = total
        precision = configuration.mixed_precision
        default_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(f"mixed_{precision}" if precision else "float32")
        scope = self.strategy.scope() if self.strategy else contextlib.nullcontext()
        try:
            with scope:
                return build(
                    **{name: supplied[name] for name in parameters if name in supplied}
                )
        finally:
            # Or the classifiers of the score would compute in 16 bits, too.
            keras.config.set_dtype_policy(default_policy)

    def _batches(self, model, data):
        if self.configuration.steps:
            return model.batches(self.configuration.steps)
        return self.configuration.epochs * data.steps_per_epoch

    def _write_record(self, state, model, batches):
        if not self.is_chief:
            return
        iterations = iterations_of(model, batches)
        self.record |= {"state": state, "iterations": iterations, "batches": batches}
        content = {**self.record, "configuration": self.configuration.to_dict()}
        write_json(self.directory / "run.json", content)


def next_free(directory):
    """Makes `<directory>-1`, or with the first higher number that is free.

    It belongs to this process until a `Run` is created and trained in it: no other
    process gets the same name.
    """
    lock = claim_next(directory)
    _claims[lock.directory.resolve()] = lock
    return lock.directory
