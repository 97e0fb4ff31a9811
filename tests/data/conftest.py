"""Photographs."""

from tests.photograph_files import photograph_dir
from tests.photograph_files import photograph_files
from tests.photograph_files import write_photographs

__all__ = ('photograph_dir', 'photograph_files', 'write_photographs')
