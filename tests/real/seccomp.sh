# needs: gcc
# losses: a filter that fails openat keeps full blocks from being stored
# Programs that forbid themselves system calls: strict mode, a filter that kills at openat, one that fails it.
cat >program.c <<'C'
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void forbid(int call, unsigned action) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) perror("seccomp");
}
static void work(int n) { for (int i = 0; i < n; i++) free(malloc(100)); }
static void *thread(void *x) { work(1000); return x; }
int main(int argc, char **argv) {
    int n = atoi(argv[2]);
    pid_t child = fork();
    if (!child) {
        void *p = malloc(1); pthread_t t;
        switch (argv[1][0]) {
        case 's': prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0); work(n); write(1, "strict\n", 7); syscall(SYS_exit, 0);
        case 'k': forbid(SYS_openat, SECCOMP_RET_KILL_PROCESS); work(n); write(1, "kill\n", 5); _exit(0);
        case 'e': forbid(SYS_openat, SECCOMP_RET_ERRNO | EPERM); work(n); printf("%d %d\n", open("/etc/passwd", O_RDONLY), errno); fflush(stdout); _exit(0);
        case 't': forbid(SYS_openat, SECCOMP_RET_KILL_PROCESS); pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL); write(1, "thread\n", 7); _exit(0);
        case 'f': forbid(SYS_openat, SECCOMP_RET_KILL_PROCESS); if (!fork()) { work(1); write(1, "fork\n", 5); _exit(0); } wait(NULL); _exit(0);
        case 'w': forbid(SYS_getpid, SECCOMP_RET_KILL_PROCESS); work(n); write(1, "getpid\n", 7); _exit(0);
        }
        free(p);
    }
    int status; waitpid(child, &status, 0);
    printf("%s %d: exit %d signal %d\n", argv[1], n, WEXITSTATUS(status), status & 127);
    return 0;
}
C
gcc -O0 -w -pthread -o program program.c
for mode in strict kill errno thread fork w-getpid; do
    for n in 0 10 300000; do
        ./program $mode $n
    done
done
