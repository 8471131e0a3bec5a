#!/usr/bin/env bash
# A SLURM of one node, for tests: all its files in one folder, no systemd, no cgroups, nothing of the system is touched.
#   slurm.sh start FOLDER     starts munged, slurmctld and slurmd (as root), waits until the node is idle
#   slurm.sh stop FOLDER      ends exactly these
# For commands: export SLURM_CONF=FOLDER/slurm.conf
# Debian: apt-get install slurm-wlm munge
set -euo pipefail
action=$1
folder=$(realpath -m "$2")
export SLURM_CONF=$folder/slurm.conf

start() {
    [ "$(id -u)" = 0 ] || { echo "slurm.sh: slurmd must be started by root"; exit 1; }
    mkdir -p "$folder"/{state,spool,munge}
    chmod 755 "$folder" "$folder/munge"
    dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
    chmod 400 "$folder/munge/key"
    configure > "$SLURM_CONF"
    # A key and a socket of its own: a munged of the machine stays what it is.
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge/seed" 2>> "$folder/munged.log"
    slurmctld -c
    slurmd -c
    for _ in $(seq 500); do
        [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ] && return
        sleep 0.2
    done
    echo "slurm.sh: the node is not idle after 100 s:"; sinfo; tail "$folder"/*.log; exit 1
}

# cred_expire: a requeued job starts after that many seconds instead of two minutes; 5 is the least that is taken.
configure() {
    cat << END
ClusterName=test
SlurmctldHost=$(hostname -s)
SlurmctldAddr=127.0.0.1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SlurmctldPort=26817
SlurmdPort=26818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
KillWait=5
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(awk "/^MemTotal/ {print int(\$2 / 1024)}" /proc/meminfo) State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

stop() {
    for name in slurmd slurmctld munged; do
        pid=$(cat "$folder/$name.pid" 2> /dev/null) || continue
        # Only if the number still belongs to it.
        [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$name" ] || continue
        kill "$pid"
        for _ in $(seq 50); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
    done
}

"$action"
