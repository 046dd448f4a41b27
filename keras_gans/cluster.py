"""Which processes train together, as their environment variables tell.

`tf_config` reads, in this order:

- `TF_CONFIG`, TensorFlow's own variable;
- the variables of a Slurm step, which `srun` sets;
- `JOB_COMPLETION_INDEX`, which Kubernetes sets in the pods of an indexed job, together
  with `KERAS_GANS_HOSTS`, which the job's manifest must set: the addresses of all pods
  in the order of their indices, with commas between them. (TensorFlow's resolver for
  Kubernetes asks the cluster's API instead, which pods may not do by default.)
"""

import json
import os
import socket

from keras_gans.checks import require

HOSTS = "KERAS_GANS_HOSTS"
# Where a host of Kubernetes has no port of its own in the list.
DEFAULT_PORT = 2222

_EXAMPLE = (
    '{"cluster": {"worker": ["host-a:2222", "host-b:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def tf_config(environment=os.environ):
    """Returns what `TF_CONFIG` holds, or would hold, as a dict that is checked.

    Raises:
        ValueError: If the variables are not there, or do not describe workers.
    """
    if environment.get("TF_CONFIG"):
        return check(_parsed(environment["TF_CONFIG"]))
    if "SLURM_STEP_NUM_TASKS" in environment:
        return check(_of_slurm(environment))
    require(
        "SLURM_JOB_ID" not in environment,
        "In a Slurm job the workers must be started by srun: `srun keras-gans train "
        "... --distribute multi-worker`",
    )
    if "JOB_COMPLETION_INDEX" in environment:
        return check(_of_kubernetes(environment))
    raise ValueError(
        "Several workers must be told of each other: set the environment variable "
        "TF_CONFIG, or start them by Slurm's srun or as an indexed job of Kubernetes. "
        f"TF_CONFIG of the first of two workers is '{_EXAMPLE}', and of the second one "
        'the same with "index": 1.'
    )


def export(configuration):
    """Sets `TF_CONFIG` for TensorFlow; refuses a port that is already in use here."""
    task = configuration["task"]
    address = configuration["cluster"][task["type"]][task["index"]]
    port = int(address.rpartition(":")[2])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise OSError(
                f"Port {port} of this machine, where {task['type']} {task['index']} "
                "is to listen, cannot be used: was a worker with this index started "
                f"twice, or is an earlier one still running? ({error.strerror})"
            ) from error
    os.environ["TF_CONFIG"] = json.dumps(configuration)


def check(configuration):
    """Returns a configuration as it is if it describes workers.

    Raises:
        ValueError: If it does not.
    """
    must = f"TF_CONFIG must look like this: '{_EXAMPLE}'"
    require(isinstance(configuration, dict), must, TF_CONFIG=configuration)
    cluster, task = configuration.get("cluster"), configuration.get("task")
    require(
        isinstance(cluster, dict) and isinstance(task, dict),
        f'{must}, with the entries "cluster" and "task"',
        entries=sorted(configuration),
    )
    require(
        cluster.get("worker") and set(cluster) <= {"chief", "worker"},
        'In TF_CONFIG, "cluster" must list the addresses of "worker"; beside them '
        'there may be one "chief". Parameter servers and evaluators are not used here',
        cluster=sorted(cluster),
    )
    addresses = []
    for kind, listed in cluster.items():
        require(
            isinstance(listed, list) and all(map(_is_address, listed)),
            f'In TF_CONFIG, "{kind}" must be a list of addresses "host:port" with '
            "ports from 1 to 65535",
            **{kind: listed},
        )
        addresses += listed
    require(
        len(cluster.get("chief", [0])) == 1,
        'In TF_CONFIG, "chief" must be a list of one address',
        chief=cluster.get("chief"),
    )
    twice = sorted({one for one in addresses if addresses.count(one) > 1})
    require(
        not twice,
        "In TF_CONFIG, every worker must have an address of its own: on one machine, "
        "give each another port",
        twice=twice,
    )
    kind, index = task.get("type"), task.get("index")
    require(
        kind in cluster,
        f'In TF_CONFIG, the "type" of "task" must be one of {sorted(cluster)}',
        type=kind,
    )
    count = len(cluster[kind])
    is_index = isinstance(index, int) and not isinstance(index, bool)
    require(
        is_index and 0 <= index < count,
        'In TF_CONFIG, the "index" of "task" must be an integer, the place of this '
        f"worker's address in the list of {count}: from 0 to {count - 1}",
        index=index,
    )
    return configuration


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"TF_CONFIG is not JSON ({error}). In a shell, put it in single quotes: "
            f"export TF_CONFIG='{_EXAMPLE}'. Received: {text[:300]}"
        ) from error


def _is_address(address):
    host, colon, port = str(address).rpartition(":")
    return bool(host and colon and port.isdecimal() and 0 < int(port) < 65536)


def _of_slurm(environment):
    import tensorflow as tf

    tasks = int(environment["SLURM_STEP_NUM_TASKS"])
    # Each job has ports of its own, below those that systems give to clients.
    port = 12000 + int(environment.get("SLURM_JOB_ID", 0)) % 20000
    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port,
            # What is to be given to a task is said to Slurm (`--gpus-per-task`):
            # TensorFlow 2.21 would ask nvidia-smi, which need not be there.
            gpus_per_node=tasks,
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        workers = resolver.cluster_spec().as_dict()["worker"]
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"The variables of the Slurm step cannot be read: {error}"
        ) from error
    # TensorFlow 2.21 lists the nodes by the alphabet and takes the rank for the place
    # in it, which need not be so: node10 comes before node2.
    node, local = environment.get("SLURMD_NODENAME"), environment.get("SLURM_LOCALID")
    index = int(environment["SLURM_PROCID"])
    if node and local:
        own = f"{node}:{port + int(local)}"
        require(
            own in workers,
            "SLURMD_NODENAME and SLURM_LOCALID must be a worker of the step",
            own=own,
            workers=workers,
        )
        index = workers.index(own)
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


def _of_kubernetes(environment):
    text = environment["JOB_COMPLETION_INDEX"]
    require(
        text.isdecimal(),
        "JOB_COMPLETION_INDEX must be a non-negative integer",
        JOB_COMPLETION_INDEX=text,
    )
    hosts = [host.strip() for host in environment.get(HOSTS, "").split(",")]
    hosts = [host for host in hosts if host]
    require(
        hosts,
        f"In an indexed job of Kubernetes, the environment variable {HOSTS} must list "
        "the addresses of all pods in the order of their indices: train-0.train,"
        "train-1.train for a job `train` with a headless service `train`",
    )
    require(
        int(text) < len(hosts),
        f"{HOSTS} must name a host for each index of the job",
        JOB_COMPLETION_INDEX=int(text),
        hosts=hosts,
    )
    hosts = [host if ":" in host else f"{host}:{DEFAULT_PORT}" for host in hosts]
    task = {"type": "worker", "index": int(text)}
    return {"cluster": {"worker": hosts}, "task": task}
