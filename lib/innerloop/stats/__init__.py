"""Intervals, tests and corrections; knows no paper."""
