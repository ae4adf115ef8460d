"""Reads untrusted archives and pickles without executing anything in them."""
