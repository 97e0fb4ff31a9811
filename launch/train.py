"""Trains a classifier from a config; the same command resumes it.

  python launch/train.py --config=configs/noiseout.py:noiseout --workdir=DIR

Any field of the config can be changed: --config.noise.rate=0.3. Ctrl-C saves
and exits. On several hosts, one process each runs the same command, with
--distributed where a cluster says who they are, else with where process 0 is:

  python launch/train.py --config=configs/imagenet.py:baseline \
    --workdir=SHARED --coordinator=HOST:PORT --num_processes=2 --process_id=0
"""

import json

from absl import flags
import jax

import command_line
import robustjax

_CONFIG = command_line.define_config()
_DATA_DIR = command_line.define_data_dir()
_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Folder for checkpoints and metrics.', required=True
)
flags.mark_flag_as_required('config')
command_line.define_processes()
flags.adopt_module_key_flags(command_line)


def main(unused_names):
  command_line.join_processes()
  summary = robustjax.train(
    _CONFIG.value, _WORKDIR.value, data_dir=_DATA_DIR.value
  )
  if jax.process_index() == 0:
    print(json.dumps(summary, indent=2))
  if not summary['finished']:
    return command_line.say_interrupted(summary['step'])
  return None


if __name__ == '__main__':
  command_line.run(main)
