/* Every call of preload/calls/files.def: see expected.h. */
#define _GNU_SOURCE
#include "expected.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <utime.h>

/* not in today's headers */
int __xstat(int version, const char *path, struct stat *info);
int __lxstat(int version, const char *path, struct stat *info);
int __xstat64(int version, const char *path, struct stat64 *info);
int __lxstat64(int version, const char *path, struct stat64 *info);
int __fxstat(int version, int fd, struct stat *info);
int __fxstat64(int version, int fd, struct stat64 *info);
int __fxstatat(int version, int folder, const char *path, struct stat *info, int flags);
int __fxstatat64(int version, int folder, const char *path, struct stat64 *info, int flags);
ssize_t __readlink_chk(const char *path, char *buffer, size_t size, size_t room);
ssize_t __readlinkat_chk(int folder, const char *path, char *buffer, size_t size, size_t room);
char *__realpath_chk(const char *path, char *resolved, size_t room);

#ifdef __x86_64__
enum { VERSION = 1 };
#else
enum { VERSION = 0 };
#endif

enum { SIZE = 1234, FOLDER = 3, FILE_ = 4 };

static struct stat info, wanted;
static struct stat64 large;

/* What a stat has written is what the kernel says. */
#define STATS(name, arguments, told, what)                                                         \
    do {                                                                                           \
        memset(&info, 0xaa, sizeof info);                                                          \
        memset(&large, 0xaa, sizeof large);                                                        \
        CALLS(name, 0, arguments, "%s", told);                                                     \
        expect(memcmp(what, &wanted, sizeof wanted) == 0, #name ": what it says");                 \
    } while (0)

static void kernel_says(const char *path, int flags)
{
    expect(syscall(SYS_newfstatat, AT_FDCWD, path, &wanted, flags) == 0, "newfstatat");
}

static void stats(void)
{
    const char *data = "'path':'data'", *link = "'path':'link'", *fd = descriptor(FILE_);
    char beside[300];
    snprintf(beside, sizeof beside, "%s,'path':'inside'", at(FOLDER));
    kernel_says("data", 0);
    STATS(stat, ("data", &info), data, &info);
    STATS(stat64, ("data", &large), data, &large);
    STATS(__xstat, (VERSION, "data", &info), data, &info);
    STATS(__xstat64, (VERSION, "data", &large), data, &large);
    STATS(fstat, (FILE_, &info), fd, &info);
    STATS(fstat64, (FILE_, &large), fd, &large);
    STATS(__fxstat, (VERSION, FILE_, &info), fd, &info);
    STATS(__fxstat64, (VERSION, FILE_, &large), fd, &large);
    kernel_says("link", AT_SYMLINK_NOFOLLOW);
    STATS(lstat, ("link", &info), link, &info);
    STATS(lstat64, ("link", &large), link, &large);
    STATS(__lxstat, (VERSION, "link", &info), link, &info);
    STATS(__lxstat64, (VERSION, "link", &large), link, &large);
    kernel_says("folder/inside", 0);
    STATS(fstatat, (FOLDER, "inside", &info, 0), beside, &info);
    STATS(fstatat64, (FOLDER, "inside", &large, 0), beside, &large);
    STATS(__fxstatat, (VERSION, FOLDER, "inside", &info, 0), beside, &info);
    STATS(__fxstatat64, (VERSION, FOLDER, "inside", &large, 0), beside, &large);
    FAILS(stat, ENOENT, ("nowhere", &info), "'path':'nowhere'");
    FAILS(__xstat, EINVAL, (99, "data", &info), "%s", data);
    FAILS(fstat, EBADF, (60, &info), "'fd':60");
    FAILS(fstatat, ENOTDIR, (FILE_, "x", &info, 0), "%s,'path':'x'", at(FILE_));
}

static void about_files(void)
{
    struct statx extended;
    struct statfs system;
    struct statfs64 system64;
    struct statvfs volume;
    struct statvfs64 volume64;
    const char *fd = descriptor(FILE_);
    CALLS(statx, 0, (FOLDER, "inside", 0, STATX_SIZE, &extended), "%s,'path':'inside'", at(FOLDER));
    expect(extended.stx_size == 0 && extended.stx_mask & STATX_SIZE, "statx: what it says");
    FAILS(statx, EINVAL, (AT_FDCWD, "data", -1, 0, &extended), "'fd':-100,'path':'data'");
    CALLS(statfs, 0, (".", &system), "'path':'.'");
    CALLS(statfs64, 0, (".", &system64), "'path':'.'");
    expect(system.f_type == system64.f_type && system.f_bsize > 0, "statfs: what it says");
    CALLS(fstatfs, 0, (FILE_, &system), "%s", fd);
    CALLS(fstatfs64, 0, (FILE_, &system64), "%s", fd);
    expect(system.f_type == system64.f_type, "fstatfs: what it says");
    CALLS(statvfs, 0, (".", &volume), "'path':'.'");
    CALLS(statvfs64, 0, (".", &volume64), "'path':'.'");
    expect(volume.f_namemax == volume64.f_namemax && volume.f_namemax >= 255, "statvfs");
    CALLS(fstatvfs, 0, (FILE_, &volume), "%s", fd);
    CALLS(fstatvfs64, 0, (FILE_, &volume64), "%s", fd);
    expect(volume.f_namemax == volume64.f_namemax, "fstatvfs: what it says");
    FAILS(statfs, ENOENT, ("", &system), "'path':''");
    FAILS(fstatvfs, EBADF, (-1, &volume), "'fd':-1");
    CALLS(access, 0, ("data", R_OK), "'path':'data'");
    CALLS(eaccess, 0, ("data", W_OK), "'path':'data'");
    CALLS(euidaccess, 0, ("data", F_OK), "'path':'data'");
    CALLS(faccessat, 0, (FOLDER, "inside", R_OK, 0), "%s,'path':'inside'", at(FOLDER));
    FAILS(access, ENOENT, ("nowhere", F_OK), "'path':'nowhere'");
    FAILS(eaccess, ENOENT, ("nowhere", F_OK), "'path':'nowhere'");
    FAILS(faccessat, EINVAL, (AT_FDCWD, "data", -1, 0), "'fd':-100,'path':'data'");
}

static void modes_and_owners(void)
{
    uid_t user = getuid();
    gid_t group = getgid();
    const char *fd = descriptor(FILE_), *data = "'path':'data'";
    CALLS(chmod, 0, ("data", 0640), "%s", data);
    kernel_says("data", 0);
    expect((wanted.st_mode & 07777) == 0640, "chmod: what it did");
    CALLS(fchmod, 0, (FILE_, 0604), "%s", fd);
    CALLS(fchmodat, 0, (FOLDER, "inside", 0606, 0), "%s,'path':'inside'", at(FOLDER));
    kernel_says("folder/inside", 0);
    expect((wanted.st_mode & 07777) == 0606, "fchmodat: what it did");
    FAILS(chmod, ENOENT, ("nowhere", 0), "'path':'nowhere'");
    CALLS(chown, 0, ("data", user, group), "%s", data);
    CALLS(lchown, 0, ("link", user, group), "'path':'link'");
    CALLS(fchown, 0, (FILE_, user, group), "%s", fd);
    CALLS(fchownat, 0, (FOLDER, "inside", user, group, 0), "%s,'path':'inside'", at(FOLDER));
    FAILS(lchown, ENOENT, ("nowhere", user, group), "'path':'nowhere'");
    CALLS(truncate, 0, ("data", SIZE), "%s,'size':%d", data, SIZE);
    CALLS(truncate64, 0, ("data", SIZE + 1), "%s,'size':%d", data, SIZE + 1);
    kernel_says("data", 0);
    expect(wanted.st_size == SIZE + 1, "truncate64: what it did");
    FAILS(truncate, EINVAL, ("data", -5), "%s,'size':-5", data);
}

static void times(void)
{
    struct utimbuf old = {1000, 2000};
    struct timeval micro[2] = {{3000, 1}, {4000, 2}};
    struct timespec nano[2] = {{5000, 3}, {6000, 4}};
    const char *fd = descriptor(FILE_), *data = "'path':'data'";
    CALLS(utime, 0, ("data", &old), "%s", data);
    kernel_says("data", 0);
    expect(wanted.st_mtime == 2000, "utime: what it did");
    CALLS(utimes, 0, ("data", micro), "%s", data);
    CALLS(lutimes, 0, ("link", micro), "'path':'link'");
    CALLS(futimes, 0, (FILE_, micro), "%s", fd);
    kernel_says("data", 0);
    expect(wanted.st_mtim.tv_sec == 4000 && wanted.st_mtim.tv_nsec == 2000, "futimes: its work");
    CALLS(futimens, 0, (FILE_, nano), "%s", fd);
    CALLS(utimensat, 0, (FOLDER, "inside", nano, 0), "%s,'path':'inside'", at(FOLDER));
    kernel_says("folder/inside", 0);
    expect(wanted.st_mtim.tv_nsec == 4, "utimensat: what it did");
    micro[0].tv_usec = -1;
    FAILS(utimes, EINVAL, ("data", micro), "%s", data);
}

static void links(void)
{
    char text[16] = "", room[PATH_MAX], *made;
    char beside[300];
    snprintf(beside, sizeof beside, "%s,'path':'inside'", at(FOLDER));
    CALLS(symlinkat, 0, ("data", FOLDER, "in"), "%s,'path':'data','target':'in'", at(FOLDER));
    CALLS(readlink, 4, ("link", text, sizeof text), "'path':'link'");
    expect(memcmp(text, "data", 5) == 0, "readlink: what it says");
    CALLS(__readlink_chk, 3, ("link", text, 3, sizeof text), "'path':'link'");
    CALLS(readlinkat, 4, (FOLDER, "in", text, 16), "%s,'path':'in'", at(FOLDER));
    CALLS(__readlinkat_chk, 4, (FOLDER, "in", text, 16, sizeof text), "%s,'path':'in'", at(FOLDER));
    FAILS(readlink, EINVAL, ("data", text, sizeof text), "'path':'data'");
    errno = UNTOUCHED;
    made = realpath("folder/../data", room);
    expect(made == room && made[0] == '/', "realpath");
    EVENT("realpath", "'path':'folder/../data','result':0");
    made = __realpath_chk("link", room, sizeof room);
    expect(made == room && strcmp(strrchr(room, '/'), "/data") == 0, "__realpath_chk");
    EVENT("__realpath_chk", "'path':'link','result':0");
    FAILS_NULL(realpath, ENOENT, ("nowhere/x", room), "'path':'nowhere/x'");
    CALLS(link, 0, ("data", "hard"), "'path':'data','target':'hard'");
    CALLS(rename, 0, ("hard", "other"), "'path':'hard','target':'other'");
    CALLS(linkat, 0, (FOLDER, "inside", FOLDER, "two", 0), "%s,'target':'two'", beside);
    CALLS(renameat, 0, (FOLDER, "two", FOLDER, "six"), "%s,'path':'two','target':'six'",
          at(FOLDER));
    FAILS(renameat2, EEXIST, (FOLDER, "inside", FOLDER, "six", RENAME_NOREPLACE),
          "%s,'target':'six'", beside);
    CALLS(renameat2, 0, (FOLDER, "inside", FOLDER, "six", RENAME_EXCHANGE), "%s,'target':'six'",
          beside);
    FAILS(link, EEXIST, ("data", "other"), "'path':'data','target':'other'");
    FAILS(symlink, EEXIST, ("x", "link"), "'path':'x','target':'link'");
    CALLS(unlinkat, 0, (FOLDER, "six", 0), "%s,'path':'six'", at(FOLDER));
    CALLS(unlinkat, 0, (FOLDER, "in", 0), "%s,'path':'in'", at(FOLDER));
    CALLS(unlink, 0, ("other"), "'path':'other'");
    FAILS(unlink, ENOENT, ("other"), "'path':'other'");
}

static void makes(void)
{
    char name[16], told[300];
    CALLS(mkfifo, 0, ("fifo", 0600), "'path':'fifo'");
    CALLS(mkfifoat, 0, (FOLDER, "fifo", 0600), "%s,'path':'fifo'", at(FOLDER));
    CALLS(mknod, 0, ("node", S_IFREG | 0600, 0), "'path':'node'");
    CALLS(mkdirat, 0, (FOLDER, "deep", 0700), "%s,'path':'deep'", at(FOLDER));
    FAILS(mkdir, EEXIST, ("folder", 0700), "'path':'folder'");
    FAILS(mkfifo, EEXIST, ("fifo", 0600), "'path':'fifo'");
    CALLS(remove, 0, ("node"), "'path':'node'");
    CALLS(rmdir, 0, ("folder/deep"), "'path':'folder/deep'");
    FAILS(rmdir, ENOTEMPTY, ("folder"), "'path':'folder'");
    FAILS(remove, ENOENT, ("node"), "'path':'node'");
#define TEMPORARY(name_, arguments)                                                                \
    do {                                                                                           \
        strcpy(name, "file-XXXXXX");                                                               \
        expect(name_ arguments == 5 && strcmp(name + 5, "XXXXXX") != 0, #name_);                   \
        EVENT(#name_, "'path':'%s','result':5", name);                                             \
        paths[5] = name;                                                                           \
        shut(5);                                                                                   \
    } while (0)
    TEMPORARY(mkstemp, (name));
    TEMPORARY(mkstemp64, (name));
    TEMPORARY(mkostemp, (name, O_CLOEXEC));
    TEMPORARY(mkostemp64, (name, O_APPEND));
    TEMPORARY(mkstemps, (name, 0));
    TEMPORARY(mkstemps64, (name, 0));
    TEMPORARY(mkostemps, (name, 0, O_CLOEXEC));
    TEMPORARY(mkostemps64, (name, 0, O_APPEND));
    strcpy(name, "too few");
    FAILS(mkstemp, EINVAL, (name), "'path':'too few'");
    FAILS(mkstemps, EINVAL, (name, 3), "'path':'too few'");
    strcpy(name, "room-XXXXXX");
    expect(mkdtemp(name) == name, "mkdtemp");
    snprintf(told, sizeof told, "'path':'%s','result':0", name);
    EVENT("mkdtemp", "%s", told);
    strcpy(name, "too few");
    FAILS_NULL(mkdtemp, EINVAL, (name), "'path':'too few'");
}

static int picks(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}
static int picks64(const struct dirent64 *entry)
{
    return entry->d_name[0] != '.';
}

static void folders(void)
{
    struct dirent **list;
    struct dirent64 **list64;
    int there = 0;
    errno = UNTOUCHED;
    DIR *folder = opendir("folder");
    expect(folder && dirfd(folder) == 5 && errno == UNTOUCHED, "opendir");
    EVENT("opendir", "'path':'folder','result':5");
    paths[5] = "folder";
    for (const struct dirent *entry; (errno = UNTOUCHED, entry = readdir(folder)); there++)
        EVENT("readdir", "%s,'result':1", descriptor(5));
    expect(there == 4 && errno == UNTOUCHED, "readdir"); /* ., .., fifo, inside */
    EVENT("readdir", "%s,'result':0", descriptor(5));
    rewinddir(folder);
    for (; (errno = UNTOUCHED, readdir64(folder)); there--)
        EVENT("readdir64", "%s,'result':1", descriptor(5));
    expect(there == 0 && errno == UNTOUCHED, "readdir64");
    EVENT("readdir64", "%s,'result':0", descriptor(5));
    CALLS(closedir, 0, (folder), "%s", descriptor(5));
    FAILS_NULL(opendir, ENOTDIR, ("data"), "'path':'data'");
    FAILS_NULL(fdopendir, ENOTDIR, (FILE_), "%s", descriptor(FILE_));
    FAILS(closedir, EINVAL, (bad_pointers[0]), "'fd':-1");
    errno = UNTOUCHED;
    folder = fdopendir(FOLDER);
    expect(folder && dirfd(folder) == FOLDER && errno == UNTOUCHED, "fdopendir");
    EVENT("fdopendir", "%s,'result':%d", descriptor(FOLDER), FOLDER);
    CALLS(scandir, 2, ("folder", &list, picks, alphasort), "'path':'folder'");
    expect(strcmp(list[0]->d_name, "fifo") == 0, "scandir: what it found");
    CALLS(scandir64, 2, ("folder", &list64, picks64, alphasort64), "'path':'folder'");
    expect(strcmp(list64[0]->d_name, "fifo") == 0, "scandir64: what it found");
    FAILS(scandir, ENOENT, ("nowhere", &list, NULL, NULL), "'path':'nowhere'");
}

static void changes(void)
{
    char here[PATH_MAX] = "", there[PATH_MAX];
    expect(getcwd(here, sizeof here) == here, "getcwd");
    EVENT("getcwd", "'result':0");
    FAILS_NULL(getcwd, ERANGE, (there, 1), "");
    CALLS(chdir, 0, ("folder"), "'path':'folder'");
    FAILS(chdir, ENOENT, ("folder"), "'path':'folder'");
    expect(getcwd(there, sizeof there) && strcmp(strrchr(there, '/'), "/folder") == 0, "getcwd");
    EVENT("getcwd", "'result':0");
    CALLS(chdir, 0, (".."), "'path':'..'");
    CALLS(fchdir, 0, (FOLDER), "%s", descriptor(FOLDER));
    FAILS(fchdir, ENOTDIR, (FILE_), "%s", descriptor(FILE_));
    CALLS(chdir, 0, (here), "'path':'%s'", here);
    errno = 0; /* not everybody may */
    int failed = chroot("/");
    EVENT("chroot", "'path':'/',%s", result("result", failed));
    FAILS(chroot, ENOENT, ("nowhere"), "'path':'nowhere'");
}

/* Bad pointers are answered by the kernel, as ever. */
static void wrong_pointers(void)
{
    for (int i = 0; i < 3; i++) {
        char *wrong = bad_pointers[i], text[8];
        FAILS(stat, EFAULT, (wrong, &info), "");
        FAILS(lstat64, EFAULT, (wrong, &large), "");
        FAILS(access, EFAULT, (wrong, F_OK), "");
        FAILS(mkdir, EFAULT, (wrong, 0700), "");
        FAILS(chmod, EFAULT, (wrong, 0700), "");
        FAILS(unlink, EFAULT, (wrong), "");
        FAILS(remove, EFAULT, (wrong), "");
        FAILS(chdir, EFAULT, (wrong), "");
        FAILS(truncate, EFAULT, (wrong, 0), "'size':0");
        FAILS(rename, EFAULT, ("data", wrong), "'path':'data'");
        FAILS(link, EFAULT, (wrong, "x"), "'target':'x'");
        FAILS(symlinkat, EFAULT, ("x", AT_FDCWD, wrong), "'fd':-100,'path':'x'");
        FAILS(readlink, EFAULT, (wrong, text, sizeof text), "");
        FAILS(readlink, EFAULT, ("link", i ? wrong : (char *)2, 8), "'path':'link'");
        FAILS(fstat, EFAULT, (FILE_, (struct stat *)wrong), "%s", descriptor(FILE_));
        FAILS(statx, EFAULT, (FOLDER, "inside", 0, 0, (void *)wrong), "%s,'path':'inside'",
              at(FOLDER));
        FAILS(statfs, EFAULT, (wrong, (struct statfs *)&info), "");
        FAILS(utimensat, EFAULT, (FOLDER, "inside", i ? (void *)wrong : (void *)2, 0),
              "%s,'path':'inside'", at(FOLDER));
    }
}

int main(void)
{
    surface_begin();
    CALLS(mkdir, 0, ("folder", 0700), "'path':'folder'");
    CALLS(symlink, 0, ("data", "link"), "'path':'data','target':'link'");
    OPENS(open, FOLDER, "folder", ("folder", O_DIRECTORY),
          "'path':'folder','flags':'O_RDONLY|O_DIRECTORY'");
    OPENS(open, FILE_, "data", ("data", O_RDWR | O_CREAT, 0600),
          "'path':'data','flags':'O_RDWR|O_CREAT'");
    CALLS(mknod, 0, ("folder/inside", S_IFREG | 0600, 0), "'path':'folder/inside'");
    stats();
    about_files();
    modes_and_owners();
    times();
    wrong_pointers();
    links();
    makes();
    folders();
    changes();
    return 0;
}
