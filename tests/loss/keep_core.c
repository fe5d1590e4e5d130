/* Preloaded into synfin by against_linux.py: sched_yield() that keeps the core. synfin gives its core to any
 * program that waits for one whenever it finds nothing to do; on a machine where others compile, the
 * test would then measure those. Real-time priority would starve the kernel's own threads. */
int sched_yield(void);
int sched_yield(void) {
    return 0;
}
