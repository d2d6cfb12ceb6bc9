/* Every call of preload/calls/maps.def: see expected.h. */
#define _GNU_SOURCE
#include "expected.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

/* The answer is an address. */
#define MAPS(variable, name, arguments, ...)                                                       \
    do {                                                                                           \
        char *told_ = formatted(__VA_ARGS__);                                                      \
        errno = UNTOUCHED;                                                                         \
        variable = name arguments;                                                                 \
        expect(variable != MAP_FAILED && errno == UNTOUCHED, #name);                               \
        EVENT(#name, "%s,'result':'%p'", told_, (void *)(variable));                               \
        free(told_);                                                                               \
    } while (0)

static const char *range(void *at_, size_t size)
{
    char *text = text_buffer();
    snprintf(text, 256, "'pointer':'%p','size':%zu", at_, size);
    return text;
}

int main(void)
{
    char *at_, *other, *third, *wrong = (char *)5;
    surface_begin();
    OPENS(open, 3, "data", ("data", O_RDWR | O_CREAT, 0600),
          "'path':'data','flags':'O_RDWR|O_CREAT'");
    CALLS(ftruncate, 0, (3, 4 * PAGE), "%s,'size':%d", descriptor(3), 4 * PAGE);
    MAPS(at_, mmap, (NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 3, PAGE),
         "'size':%d,%s,'offset':%d", 2 * PAGE, descriptor(3), PAGE);
    MAPS(other, mmap64, (NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
         "'size':%d,'fd':-1,'offset':0", 3 * PAGE);
    FAILS(mmap, EINVAL, (NULL, 0, PROT_READ, MAP_PRIVATE, 3, 0), "'size':0,%s,'offset':0",
          descriptor(3));
    FAILS(mmap64, EBADF, (NULL, PAGE, PROT_READ, MAP_PRIVATE, 60, 0),
          "'size':4096,'fd':60,'offset':0");
    strcpy(at_, "there");
    CALLS(msync, 0, (at_, PAGE, MS_SYNC), "%s", range(at_, PAGE));
    FAILS(msync, EINVAL, (wrong, PAGE, MS_SYNC), "%s", range(wrong, PAGE));
    CALLS(mprotect, 0, (at_, PAGE, PROT_READ), "%s,'number':%d", range(at_, PAGE), PROT_READ);
    FAILS(mprotect, EINVAL, (wrong, PAGE, PROT_READ), "%s,'number':1", range(wrong, PAGE));
    CALLS(madvise, 0, (other, PAGE, MADV_DONTNEED), "%s,'number':%d", range(other, PAGE),
          MADV_DONTNEED);
    FAILS(madvise, EINVAL, (other, PAGE, 9999), "%s,'number':9999", range(other, PAGE));
    MAPS(third, mremap, (other, 3 * PAGE, PAGE, 0), "%s", range(other, PAGE));
    expect(third == other, "mremap: it shrinks in place");
    MAPS(third, mremap, (at_, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other + PAGE),
         "%s", range(at_, 2 * PAGE));
    expect(third == other + PAGE && strcmp(third, "there") == 0, "mremap: it moves there");
    FAILS(mremap, EINVAL, (wrong, PAGE, PAGE, 0), "%s", range(wrong, PAGE));
    FAILS(munmap, EINVAL, (wrong, PAGE), "%s", range(wrong, PAGE));
    CALLS(munmap, 0, (other, 3 * PAGE), "%s", range(other, 3 * PAGE));
    MAPS(at_, sbrk, (0), "'size':0");
    MAPS(other, sbrk, (PAGE), "'size':4096");
    expect(other == at_ && (at_[PAGE - 1] = 1), "sbrk");
    FAILS(sbrk, ENOMEM, (INTPTR_MAX), "'size':%lld", (long long)INTPTR_MAX);
    shut(3);
    return 0;
}
