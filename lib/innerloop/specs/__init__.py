"""Parameters of jobs: a frozen dataclass per kind of job, written by `study`, read by scripts."""
