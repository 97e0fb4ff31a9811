"""Data sets, on the host and on the device."""

from robustjax.data.data_set import DataSet
from robustjax.data.data_set import from_arrays
from robustjax.data.preprocessing import to_unit
from robustjax.data.sources import load
from robustjax.data.sources import prepared_folder
from robustjax.data.splits import split_by_class

__all__ = (
  'DataSet',
  'from_arrays',
  'load',
  'prepared_folder',
  'split_by_class',
  'to_unit',
)
