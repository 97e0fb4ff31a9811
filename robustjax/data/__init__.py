"""Data sets, on the host and on the device."""

from robustjax.data.preprocessing import to_unit
from robustjax.data.sources import DataSet
from robustjax.data.sources import from_arrays
from robustjax.data.sources import load
from robustjax.data.sources import prepared_folder

__all__ = (
  'DataSet',
  'from_arrays',
  'load',
  'prepared_folder',
  'to_unit',
)
