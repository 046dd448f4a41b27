"""MLflow; without a server in a file, `MLFLOW_TRACKING_URI=sqlite:///mlflow.db` say."""

import os


class Tracker:
    """Logs to the run whose id is kept."""

    package = extra = "mlflow"

    def __init__(self, directory, name, configuration, state):
        import mlflow
        from mlflow.tensorflow import MlflowCallback

        self._mlflow = mlflow
        if "tracking_uri" in state and "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(state["tracking_uri"])
        if "@" not in mlflow.get_tracking_uri():  # There may be a password in it.
            state["tracking_uri"] = mlflow.get_tracking_uri()
        goes_on = "run_id" in state
        if goes_on:
            run = mlflow.start_run(run_id=state["run_id"])
        else:
            if "MLFLOW_EXPERIMENT_NAME" not in os.environ:
                mlflow.set_experiment("keras-gans")
            run = mlflow.start_run(run_name=name)
            mlflow.log_params(configuration)
        state["run_id"] = run.info.run_id
        mlflow.log_dict(configuration, "configuration.json")

        class Callback(MlflowCallback):
            def on_train_begin(self, logs=None):
                # Parameters of a run never change, those of optimizers may.
                if not goes_on:
                    super().on_train_begin(logs)

        self.callbacks = [Callback()]

    def picture(self, iteration, picture):
        self._mlflow.log_image(picture, key="samples", step=iteration)

    def end(self, finished):
        self._mlflow.flush_async_logging()
        self._mlflow.end_run("FINISHED" if finished else "KILLED")
