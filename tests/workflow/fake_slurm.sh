#!/bin/sh
# Stands in for SLURM's commands, under whose names it is linked: what is submitted is written down
# in $FAKE_SLURM/submitted, one file a job with one argument a line; every job fails at once.
case "${0##*/}" in
    sbatch)
        # several may be submitted at once: the first number that nobody has
        number=1
        until (set -C; : >"$FAKE_SLURM/submitted/$number") 2>/dev/null; do
            number=$((number + 1))
        done
        printf '%s\n' "$@" >"$FAKE_SLURM/submitted/$number"
        echo "$number"
        ;;
    squeue)
        # the executor's own question names the run; the other is who else works in this folder
        case "$*" in
            *--me*) [ ! -e "$FAKE_SLURM/queue" ] || cat "$FAKE_SLURM/queue" ;;
            *) for job in "$FAKE_SLURM"/submitted/*; do echo "${job##*/}|FAILED"; done ;;
        esac
        ;;
    scontrol) echo "MinJobAge = 600 sec" ;;
    sinfo) echo "cpu*" ;;
    sacctmgr) printf "lab\nopen\n" ;;
    scancel) ;;
    *) exit 1 ;;
esac
