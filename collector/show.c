/* See show.h. */
#include "collector/show.h"

#include "collector/coverage.h"

enum { COVERAGE_LINES = 8 }; /* at most, behind a table */

static const char *scaled(char *buffer, double value, const char *const *units, double step)
{
    while (value >= step && units[1]) {
        value /= step;
        units++;
    }
    snprintf(buffer, 16,
             value < 10    ? "%.2f %s"
             : value < 100 ? "%.1f %s"
                           : "%.0f %s",
             value, *units);
    return buffer;
}

const char *show_signal(char *buffer, int signal)
{
    const char *name = sigabbrev_np(signal);
    if (name)
        snprintf(buffer, 32, "SIG%s", name);
    else
        snprintf(buffer, 32, "signal %d", signal);
    return buffer;
}

const char *show_time(char *buffer, uint64_t nsec)
{
    static const char *const units[] = {"us", "ms", "s", NULL};
    if (nsec < 1000) {
        snprintf(buffer, 16, "%d ns", (int)nsec);
        return buffer;
    }
    return scaled(buffer, (double)nsec / 1000, units, 1000);
}

const char *show_bytes(char *buffer, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", NULL};
    if (bytes < 1024) {
        snprintf(buffer, 16, "%d B", (int)bytes);
        return buffer;
    }
    return scaled(buffer, (double)bytes / 1024, units, 1024);
}

const char *show_count(char *buffer, uint64_t count)
{
    char plain[24];
    int length = snprintf(plain, sizeof plain, "%llu", (unsigned long long)count);
    char *at = buffer;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *at++ = ' ';
        *at++ = plain[i];
    }
    *at = '\0';
    return buffer;
}

void print_losses(FILE *file, const struct session *session, const struct totals *totals)
{
    static const char *const reasons[LOSS_REASONS] = {
        [LOSS_NONE] = "for an unknown reason",
        [LOSS_DISK_FULL] = "because the disk was full",
        [LOSS_WRITE] = "because the session folder could not be written",
        [LOSS_NO_SLOT] = "because no room for another thread could be had",
        [LOSS_INTERRUPTED] = "because a signal handler did not return",
        [LOSS_DAMAGED] = "blocks or processes, because their files are damaged",
        [LOSS_SEALED] = "because their process was in a seccomp sandbox",
        [LOSS_NO_PLACE] = "because the table of sampled blocks was full",
    };
    char count[32];
    for (int i = 0; i < LOSS_REASONS; i++)
        if (totals->lost[i])
            fprintf(file, "lost: %s %s\n", show_count(count, totals->lost[i]), reasons[i]);
    if (totals->names_lost)
        fprintf(file,
                "lost: %s names of files, threads or scopes, because there was no room for them\n",
                show_count(count, totals->names_lost));
    if (totals->unmatched)
        fprintf(file, "%s exits had no entry: the call began before the capture\n",
                show_count(count, totals->unmatched));
    if (session->clock.uncalibrated)
        fprintf(file,
                "times are in cycles, not nanoseconds: the session is too short to calibrate\n");
    for (size_t i = 0; i < coverage_gaps(session->coverage); i++) {
        if (i == COVERAGE_LINES) {
            fprintf(file, "… and more that is not covered: see vitte-trace info\n");
            break;
        }
        fprintf(file, "%s\n", coverage_line(session->coverage, i));
    }
}
