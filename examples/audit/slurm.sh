#!/bin/bash
# An audit as a Slurm array. Before: stanch audit plan github:ORG -o "$AUDIT/plan.jsonl"
# Run:   AUDIT=/shared/audit sbatch --export=ALL examples/audit/slurm.sh
# After: stanch audit merge "$AUDIT/shards" --plan "$AUDIT/plan.jsonl" -f html=audit.html
# The number of shards is that of the array (SLURM_ARRAY_TASK_COUNT). Give --array=...%N to run N at a time.
#SBATCH --job-name=stanch-audit
#SBATCH --array=0-63
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=06:00:00
#SBATCH --requeue
set -u
umask 077
: "${AUDIT:?the shared directory that holds plan.jsonl}"
stanch audit --plan "$AUDIT/plan.jsonl" --out "$AUDIT/shards" --scratch "${TMPDIR:-/tmp}" \
  --threads "${SLURM_CPUS_PER_TASK:-1}" --forge "${FORGE:-github}" --progress none
code=$?
# 3 is incomplete: a clone failed or a forge was down. Twice more, then it is left for `merge` to name.
if [ "$code" = 3 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 2 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
