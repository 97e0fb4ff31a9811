"""A TFDS data set of photographs, written without TensorFlow."""

import io
import json

from array_record.python import array_record_module
import numpy as np
from PIL import Image
import pytest

_FEATURES = 'tensorflow_datasets.core.features.'
_IMAGE = {
  'pythonClassName': f'{_FEATURES}image_feature.Image',
  'image': {
    'dtype': 'uint8',
    'encodingFormat': 'jpeg',
    'shape': {'dimensions': ['-1', '-1', '3']},
  },
}
_TEXT = {'pythonClassName': f'{_FEATURES}text_feature.Text', 'text': {}}


def _label(num_classes):
  name = f'{_FEATURES}class_label_feature.ClassLabel'
  return {'pythonClassName': name, 'classLabel': {'numClasses': num_classes}}


def _example(features):
  from tensorflow_datasets.proto import tf_example_pb2

  example = tf_example_pb2.Example()
  for name, value in features.items():
    feature = example.features.feature[name]
    if isinstance(value, int):
      feature.int64_list.value.append(value)
    else:
      feature.bytes_list.value.append(value)
  return example.SerializeToString()


def _write_split(folder, split, records, num_shards):
  """Writes the shards of a split; returns what dataset_info.json says of it."""
  parts = np.array_split(np.arange(len(records)), num_shards)
  for i, part in enumerate(parts):
    name = f'{split}.array_record-{i:05}-of-{num_shards:05}'
    path = folder / f'{folder.parent.name}-{name}'
    writer = array_record_module.ArrayRecordWriter(str(path), 'group_size:1')
    for place in part:
      writer.write(_example(records[place]))
    writer.close()
  return {
    'name': split,
    'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
    'shardLengths': [str(len(part)) for part in parts],
    'numBytes': '1',
  }


@pytest.fixture(scope='session')
def write_photographs():
  """Writes a data set: (data_dir, name, {split: [(file, label), ...]}, ...)."""

  def write(data_dir, name, splits, *, num_classes, named=True, num_shards=2):
    folder = data_dir / name / '1.0.0'
    folder.mkdir(parents=True)
    features = {'image': _IMAGE, 'label': _label(num_classes)}
    if named:
      features['file_name'] = _TEXT
    infos = []
    for split, pairs in splits.items():
      records = [{'image': file, 'label': label} for file, label in pairs]
      for i, record in enumerate(records if named else ()):
        record['file_name'] = f'{split}_{i}.jpg'.encode()
      infos.append(_write_split(folder, split, records, num_shards))
    content = {
      'pythonClassName': f'{_FEATURES}features_dict.FeaturesDict',
      'featuresDict': {'features': features},
    }
    (folder / 'features.json').write_text(json.dumps(content))
    info = {
      'name': name,
      'version': '1.0.0',
      'fileFormat': 'array_record',
      'splits': infos,
    }
    (folder / 'dataset_info.json').write_text(json.dumps(info))
    return folder

  return write


def _photograph(generator, **options):
  """A JPEG file of random size, smooth enough to survive as one."""
  small = generator.integers(0, 256, (4, 5, 3)).astype(np.uint8)
  size = tuple(generator.integers(20, 60, 2).tolist())
  file = io.BytesIO()
  Image.fromarray(small).resize(size).save(file, 'JPEG', **options)
  return file.getvalue()


@pytest.fixture(scope='session')
def photograph_files():
  """Thirteen JPEG files of several sizes."""
  generator = np.random.default_rng(0)
  return [_photograph(generator) for _ in range(13)]


@pytest.fixture(scope='session')
def photograph_dir(tmp_path_factory, write_photographs, photograph_files):
  """A data_dir with 'shapes': each photograph a class of its own."""
  data_dir = tmp_path_factory.mktemp('photographs')
  pairs = [(file, i) for i, file in enumerate(photograph_files)]
  splits = {'train': pairs, 'validation': pairs[:5]}
  write_photographs(data_dir, 'shapes', splits, num_classes=13)
  return data_dir
