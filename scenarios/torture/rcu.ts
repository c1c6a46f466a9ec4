// The workload of torture/rcu: rcutorture, whose last line is its verdict and whose errors are warnings.

export { rcutorture } from "kernel/workload/rcutorture/rcutorture.ts";
