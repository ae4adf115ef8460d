#!/usr/bin/env bash
#
# local_slurm.sh - a real SLURM of several logical nodes on one Debian machine, for tests.
#
#   local_slurm.sh start            configure and start; returns when every node is idle
#   local_slurm.sh stop             cancel jobs and stop every daemon by its pid
#   local_slurm.sh fail-node NODE   a node crashes: SIGKILL its slurmd, its slurmstepds and their jobs
#   local_slurm.sh mend-node NODE   start that node again and return it to service
#
# Needs root and the packages slurmctld, slurmd, slurm-client and munge; no systemd, no cgroups, no
# accounting database, no network but loopback. Everything lives in $LOCAL_SLURM_DIR; the one thing
# outside is the link /etc/slurm/slurm.conf, because Snakemake's job step drops SLURM_CONF before it
# calls srun. A slurm.conf that is not ours is left alone and makes "start" fail.
#
# Settings (environment, the same for every call):
#   LOCAL_SLURM_DIR    where it all lives
#   LOCAL_SLURM_NODES  logical nodes, n1, n2, ...                                  (default 2)
#   LOCAL_SLURM_CPUS   CPUs that each claims; may exceed what the machine has      (default 4)
#   LOCAL_SLURM_MEM    MB that each claims                                         (default 16000)
#   LOCAL_SLURM_GPUS   fake GPUs of each                                           (default 1)
#   LOCAL_SLURM_PORT   the first of the TCP ports used on 127.0.0.1                (default 17800)

set -euo pipefail

DIR=${LOCAL_SLURM_DIR:?where the cluster lives}
NODES=${LOCAL_SLURM_NODES:-2}
CPUS=${LOCAL_SLURM_CPUS:-4}
MEM=${LOCAL_SLURM_MEM:-16000}
GPUS=${LOCAL_SLURM_GPUS:-1}
PORT=${LOCAL_SLURM_PORT:-17800}

SYSTEM_CONF=/etc/slurm/slurm.conf       # Debian's compiled-in default
HOST=$(hostname -s)

say() { printf '%s\n' "local_slurm: $*" >&2; }
die() { say "$*"; exit 1; }

# alive PID: it runs; a zombie whose parent is slow to reap it does not count
alive() { grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }
gone() { ! alive "$1"; }

# pid_of NAME COMMAND: the pid in run/NAME.pid, if that process is alive and really is COMMAND
pid_of() {
    local pid
    pid=$(cat "$DIR/run/$1.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && alive "$pid" && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && echo "$pid"
}

# wait_for SECONDS COMMAND...: poll until COMMAND succeeds
wait_for() {
    local left=$(($1 * 5))
    shift
    while ! "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
    done
}

# stop_one NAME COMMAND SECONDS: SIGTERM by pid, wait, SIGKILL if it will not go
stop_one() {
    local pid
    pid=$(pid_of "$1" "$2") || { rm -f "$DIR/run/$1.pid"; return 0; }
    kill -TERM "$pid" 2>/dev/null || true
    wait_for "$3" gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
    rm -f "$DIR/run/$1.pid"
}

node_names() { sed -n 's/^NodeName=\([^ ]*\) .*/\1/p' "$DIR/etc/slurm.conf"; }

# stepds_of NODE: its slurmstepd processes; each keeps that node's slurmd log open
stepds_of() {
    local pid
    for pid in $(pgrep -x slurmstepd || true); do
        if find "/proc/$pid/fd" -lname "$DIR/log/slurmd-$1.log" 2>/dev/null | grep -q .; then
            echo "$pid"
        fi
    done
}

# family PID: PID and all its descendants
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1" || true); do family "$child"; done
}

kill_jobs_of() {
    local stepd pid pids=()
    for stepd in $(stepds_of "$1"); do
        while read -r pid; do pids+=("$pid"); done < <(family "$stepd")
    done
    [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
}

configure() {
    local node gpu gres=
    (umask 077; [ -s "$DIR/munge/munge.key" ] || head -c 1024 /dev/urandom >"$DIR/munge/munge.key")

    # slurmd only stat()s the device files, so copies of /dev/null do; the digit at the end of the
    # name becomes CUDA_VISIBLE_DEVICES
    echo "AutoDetect=off" >"$DIR/etc/gres.conf"
    if [ "$GPUS" -gt 0 ]; then
        gres="Gres=gpu:fake:$GPUS"
        for node in $(seq "$NODES"); do
            mkdir -p "$DIR/dev/n$node"
            for gpu in $(seq 0 $((GPUS - 1))); do
                [ -e "$DIR/dev/n$node/nvidia$gpu" ] || mknod "$DIR/dev/n$node/nvidia$gpu" c 1 3
            done
            echo "NodeName=n$node Name=gpu Type=fake File=$DIR/dev/n$node/nvidia[0-$((GPUS - 1))]" \
                >>"$DIR/etc/gres.conf"
        done
    fi

    # who holds which GPU when: one line as a job starts on a node, one as it ends
    local event
    for event in start end; do
        cat >"$DIR/etc/$event.sh" <<SCRIPT
#!/bin/sh
echo "\$(date +%s.%N) $event \$SLURM_JOB_ID \$SLURMD_NODENAME gpus=\$SLURM_JOB_GPUS" >>"$DIR/log/gpus.log"
SCRIPT
        chmod 755 "$DIR/etc/$event.sh"
    done
    touch "$DIR/log/gpus.log"

    cat >"$DIR/etc/slurm.conf" <<CONF
# written by local_slurm.sh
ClusterName=local
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny   # loopback only
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job waits before it may start again (default 120 s)
AuthInfo=socket=$DIR/run/munge/munge.socket.2,cred_expire=10
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd-%n.pid
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd-%n.log
PlugStackConfig=$DIR/etc/plugstack.conf
Prolog=$DIR/etc/start.sh
Epilog=$DIR/etc/end.sh
PrologFlags=Alloc                                     # at allocation, before the first step
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides                     # nodes may claim more than the machine has
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=1
# the partition "scavenge" gives way to the others: its jobs are requeued
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
# a step is killed above its --mem
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
KillWait=5                                            # SIGTERM to SIGKILL
SlurmdTimeout=15                                      # a silent node is DOWN after this
SlurmctldTimeout=15
ReturnToService=2
MinJobAge=600                                         # how long squeue still shows ended jobs
AccountingStorageType=accounting_storage/none
GresTypes=gpu
$(for node in $(seq "$NODES"); do
    echo "NodeName=n$node NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + 10 + node)) CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$MEM $gres State=UNKNOWN"
done)
PartitionName=cpu      Nodes=ALL Default=YES MaxTime=120 DefaultTime=10 PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=gpu      Nodes=ALL MaxTime=120 DefaultTime=10 PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=scavenge Nodes=ALL MaxTime=120 DefaultTime=10 PriorityTier=1 PreemptMode=REQUEUE State=UP
CONF
    : >"$DIR/etc/plugstack.conf"

    mkdir -p "${SYSTEM_CONF%/*}"
    # a link that a killed test left behind is ours, whether what it points to is there or not
    if [ -e "$SYSTEM_CONF" ] && ! grep -qs "written by local_slurm.sh" "$SYSTEM_CONF"; then
        die "$SYSTEM_CONF exists and is not ours; move it away first"
    fi
    ln -sfn "$DIR/etc/slurm.conf" "$SYSTEM_CONF"
}

start_munged() {
    local socket=$DIR/run/munge/munge.socket.2
    pid_of munged munged >/dev/null && return 0
    munged --key-file="$DIR/munge/munge.key" --socket="$socket" --pid-file="$DIR/run/munged.pid" \
        --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/munged.seed" --num-threads=2
    wait_for 10 sh -c "munge -n -S '$socket' | unmunge -S '$socket'" \
        || die "munged does not answer; see $DIR/log/munged.log"
}

start_slurmd() { # NODE
    pid_of "slurmd-$1" slurmd >/dev/null && return 0
    mkdir -p "$DIR/spool/$1"
    slurmd -N "$1" -f "$SLURM_CONF"
}

all_up() { # every node answers and takes jobs
    local states
    states=$(sinfo -h -N -p cpu -o %T) || return 1
    [ -n "$states" ] && ! grep -qvE '^(idle|mixed|allocated)$' <<<"$states"
}

queue_empty() { [ -z "$(squeue -h)" ]; }

cmd_start() {
    [ "$(id -u)" = 0 ] || die "must run as root"
    getent hosts "$HOST" >/dev/null || die "hostname '$HOST' does not resolve; add it to /etc/hosts"
    mkdir -p "$DIR"/{etc,run/munge,log,state,spool,munge,dev}
    # munged refuses a key below a folder that others can write to
    chmod 755 "$DIR" "$DIR/run" "$DIR/run/munge"
    chmod 700 "$DIR/munge"
    pid_of slurmctld slurmctld >/dev/null || configure
    start_munged
    pid_of slurmctld slurmctld >/dev/null || slurmctld -f "$SLURM_CONF"
    wait_for 30 sh -c 'scontrol ping | grep -q "is UP"' \
        || die "slurmctld does not answer; see $DIR/log/slurmctld.log"
    local node
    for node in $(node_names); do start_slurmd "$node"; done
    wait_for 30 all_up || die "a node is not up; see $DIR/log/slurmd-*.log"
}

cmd_stop() {
    local node
    if [ -f "$DIR/etc/slurm.conf" ]; then
        if pid_of slurmctld slurmctld >/dev/null; then
            timeout 10 squeue -h -o %A | sort -u | timeout 10 xargs -r scancel 2>/dev/null || true
            wait_for 12 queue_empty || say "some jobs would not end; killing them"
        fi
        for node in $(node_names); do
            kill_jobs_of "$node"
            stop_one "slurmd-$node" slurmd 10
        done
    fi
    stop_one slurmctld slurmctld 15
    stop_one munged munged 5
    [ "$(readlink "$SYSTEM_CONF" 2>/dev/null || true)" != "$DIR/etc/slurm.conf" ] || rm -f "$SYSTEM_CONF"
}

cmd_fail_node() {
    local pid
    if pid=$(pid_of "slurmd-$1" slurmd); then kill -KILL "$pid"; fi
    kill_jobs_of "$1"
    rm -f "$DIR/run/slurmd-$1.pid"
    # slurmctld notices by itself after SlurmdTimeout, about 30 s in all; do not wait for that
    scontrol update NodeName="$1" State=DOWN Reason=crashed
}

cmd_mend_node() {
    start_slurmd "$1"
    wait_for 20 sh -c "scontrol show node $1 | grep -q 'State=[A-Z]*[^*]* '" || true
    scontrol update NodeName="$1" State=RESUME 2>/dev/null || true
    wait_for 30 all_up || die "$1 did not come back; see $DIR/log/slurmd-$1.log"
}

export SLURM_CONF="$DIR/etc/slurm.conf"
case "${1:-}" in
    start) cmd_start ;;
    stop) cmd_stop ;;
    fail-node) cmd_fail_node "${2:?which node?}" ;;
    mend-node) cmd_mend_node "${2:?which node?}" ;;
    *) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
