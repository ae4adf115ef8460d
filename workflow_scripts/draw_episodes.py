"""Draw the evaluation episodes of one data set and setting."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.episodes import EpisodeSource, TaskSize, episode_table
from innerloop.data.splits import read_split, split_digest
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.provenance import record, write_table
from innerloop.specs.data import EpisodesSpec


@program
def main(argv: list[str] | None = None) -> None:
    """Read the job's parameters and write one row per episode."""
    parser = spec_parser(__doc__)
    parser.add_argument("--splits", required=True, type=Path, help="splits.parquet")
    parser.add_argument("--out", required=True, type=Path, help="episodes, one row each")
    arguments = parser.parse_args(argv)
    spec = read_spec(EpisodesSpec, arguments.spec)
    size = TaskSize(spec.way, spec.shot, spec.queries)
    drawn = {
        split: EpisodeSource(read_split(arguments.splits, split), spec.seed).draw(
            range(spec.tasks), size
        )
        for split in spec.splits
    }
    data = {"splits": split_digest(arguments.splits)}
    write_table(episode_table(drawn), arguments.out, record(spec, data_digests=data))


if __name__ == "__main__":
    main()
