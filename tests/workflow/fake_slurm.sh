#!/bin/sh
# Stands in for SLURM's commands, under whose names it is linked: what is submitted is written down
# in $FAKE_SLURM/submitted, one file a job with one argument a line; every job fails at once.
case "${0##*/}" in
    sbatch)
        number=$(ls "$FAKE_SLURM/submitted" | wc -l)
        printf '%s\n' "$@" >"$FAKE_SLURM/submitted/$((number + 1))"
        echo $((number + 1))
        ;;
    squeue)
        # the executor's own question names the run; the other is who else works in this folder
        case "$*" in
            *--me*) cat "$FAKE_SLURM/queue" 2>/dev/null ;;
            *) for job in "$FAKE_SLURM"/submitted/*; do echo "${job##*/}|FAILED"; done ;;
        esac
        ;;
    scontrol) echo "MinJobAge = 600 sec" ;;
    sinfo) echo "cpu*" ;;
    scancel | sacctmgr) ;;
    *) exit 1 ;;
esac
