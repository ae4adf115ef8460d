"""What jobs are run with: a frozen dataclass per kind of job; `study` writes, scripts read them."""
