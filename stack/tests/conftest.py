"""Paths of the programs under test."""

import pathlib
import sys

STACK = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(STACK), str(STACK / "checks")]
