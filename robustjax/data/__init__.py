"""Data sets, on the host and on the device."""

from robustjax.data.data_set import DataSet
from robustjax.data.data_set import from_arrays
from robustjax.data.preprocessing import to_unit
from robustjax.data.sources import is_photographs
from robustjax.data.sources import load
from robustjax.data.sources import prepared_folder
from robustjax.data.splits import split_by_class
from robustjax.data.streaming import open_stream
from robustjax.data.streaming import Stream

__all__ = (
  'DataSet',
  'Stream',
  'from_arrays',
  'is_photographs',
  'load',
  'open_stream',
  'prepared_folder',
  'split_by_class',
  'to_unit',
)
