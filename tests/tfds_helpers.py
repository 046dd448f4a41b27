"""Sets of `tensorflow_datasets` that pass for downloaded."""

import pathlib

import tensorflow_datasets as tfds


def write_metadata(name, directory, counts):
    """Writes what is kept beside a set; `counts` is a dict from split to images."""
    builder = tfds.builder(name, data_dir=directory)
    template = tfds.core.ShardedFileTemplate(
        data_dir=pathlib.Path(builder.data_dir),
        dataset_name=builder.name,
        filetype_suffix="tfrecord",
    )
    infos = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[count],
            num_bytes=1,
            filename_template=template.replace(split=split),
        )
        for split, count in counts.items()
    ]
    builder.info.set_splits(tfds.core.SplitDict(infos))
    pathlib.Path(builder.data_dir).mkdir(parents=True)
    builder.info.write_to_directory(builder.data_dir)
