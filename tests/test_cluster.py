"""Which workers there are, as environment variables tell."""

import json
import socket

import pytest

from keras_gans import cluster

TWO = {
    "cluster": {"worker": ["a:1000", "b:1000"]},
    "task": {"type": "worker", "index": 1},
}


def changed(**changes):
    return {"TF_CONFIG": json.dumps({**TWO, **changes})}


def workers(*addresses):
    return {"cluster": {"worker": list(addresses)}}


def task(kind, index):
    return {"task": {"type": kind, "index": index}}


def test_tf_config_is_taken_as_it_is():
    # Also in a Slurm step, where a user has set it.
    environment = {**changed(), "SLURM_STEP_NUM_TASKS": "4"}
    assert cluster.tf_config(environment) == TWO
    chief = {"cluster": {"chief": ["c:1"], "worker": ["a:1"]}, **task("chief", 0)}
    assert cluster.tf_config(changed(**chief)) == chief


@pytest.mark.parametrize(
    "environment, message",
    [
        ({}, "set the environment variable TF_CONFIG, or start them by Slurm's srun"),
        ({"TF_CONFIG": ""}, "set the environment variable TF_CONFIG"),
        ({"TF_CONFIG": "{cluster: }"}, "not JSON .*In a shell, put it in single quo"),
        ({"TF_CONFIG": "[1]"}, r"must look like this: '{\"cluster\".*TF_CONFIG=\[1\]"),
        ({"TF_CONFIG": "{}"}, r'with the entries "cluster" and "task". Rec.*=\[\]'),
        (changed(cluster={"worker": []}), 'must list the addresses of "worker"'),
        (changed(cluster={"ps": ["a:1"], "worker": ["b:1"]}), "not used here"),
        (changed(cluster={"worker": "a:1"}), 'list of addresses "host:port"'),
        (changed(**workers("a:1", "b")), r'"host:port".*worker=\[.a:1., .b.\]'),
        (changed(**workers("a:1", "b:0")), "ports from 1 to 65535"),
        (changed(**workers("a:1", "b:99999")), "ports from 1 to 65535"),
        (changed(**workers("a:1", ":1")), '"host:port"'),
        (changed(**workers("a:1", "a:1")), r"give each another port.*twice=\['a:1'\]"),
        (
            changed(cluster={"chief": ["a:1", "c:1"], "worker": ["b:1"]}),
            '"chief" must be a list of one address',
        ),
        (
            changed(cluster={"chief": ["b:1"], "worker": ["b:1"]}),
            "give each another port",
        ),
        (changed(**task("chief", 0)), r'"type" of "task" must be one of .*=.chief.'),
        (changed(**task("worker", 2)), "from 0 to 1. Received: index=2"),
        (changed(**task("worker", "1")), "must be an integer.*index='1'"),
        (changed(**task("worker", -1)), "from 0 to 1"),
        ({"SLURM_JOB_ID": "7"}, "must be started by srun"),
        ({"JOB_COMPLETION_INDEX": "0"}, "KERAS_GANS_HOSTS must list the addresses"),
        (
            {"JOB_COMPLETION_INDEX": "2", "KERAS_GANS_HOSTS": "a,b"},
            r"a host for each index.*JOB_COMPLETION_INDEX=2, hosts=\['a', 'b'\]",
        ),
        ({"JOB_COMPLETION_INDEX": "x"}, "must be a non-negative integer"),
        (
            {"JOB_COMPLETION_INDEX": "0", "KERAS_GANS_HOSTS": "a:1,a:1"},
            "give each another port",
        ),
    ],
)
def test_what_does_not_describe_workers_is_refused(environment, message):
    with pytest.raises(ValueError, match=message):
        cluster.tf_config(environment)


def test_kubernetes():
    hosts = " train-0.train, train-1.train:4000 ,"
    environment = {"JOB_COMPLETION_INDEX": "1", "KERAS_GANS_HOSTS": hosts}
    assert cluster.tf_config(environment) == {
        **workers("train-0.train:2222", "train-1.train:4000"),
        **task("worker", 1),
    }


def slurm(monkeypatch, rank, **further):
    """The variables of a step of four tasks on two nodes, two on each."""
    variables = {
        "SLURM_JOB_ID": "40005",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": "node[2,10]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_PROCID": str(rank),
        **further,
    }
    for name, value in variables.items():
        # TensorFlow's resolver reads those of the process.
        monkeypatch.setenv(name, value)
    return variables


def test_slurm(monkeypatch):
    addresses = ["node10:12005", "node10:12006", "node2:12005", "node2:12006"]
    found = cluster.tf_config(slurm(monkeypatch, 3))
    assert found == {**workers(*addresses), **task("worker", 3)}
    # Rank 3 is the second task of the node that is listed last, and is the second
    # worker: TensorFlow sorts nodes by the alphabet.
    own = {"SLURMD_NODENAME": "node10", "SLURM_LOCALID": "1"}
    found = cluster.tf_config(slurm(monkeypatch, 3, **own))
    assert found == {**workers(*addresses), **task("worker", 1)}


def test_slurm_needs_its_variables(monkeypatch):
    environment = slurm(monkeypatch, 0)
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(ValueError, match="SLURM_STEP_NODELIST not found"):
        cluster.tf_config(environment)
    own = {"SLURMD_NODENAME": "node3", "SLURM_LOCALID": "0"}
    with pytest.raises(ValueError, match="must be a worker of the step.*node3:12005"):
        cluster.tf_config(slurm(monkeypatch, 0, **own))


def test_a_port_that_is_in_use_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        address = f"localhost:{other.getsockname()[1]}"
        configuration = {**workers(address), **task("worker", 0)}
        with pytest.raises(OSError, match="worker with this index started twice"):
            cluster.export(configuration)
    cluster.export(configuration)
    assert cluster.tf_config() == configuration
