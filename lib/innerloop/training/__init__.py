"""The outer loop, model files and evaluation."""
