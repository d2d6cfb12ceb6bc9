/* Figures by text: what a number means (a stack's id, say) is one thing in each process, and the
 * same text in many. They are summed up by number while an image is read, and by text behind it. */
#ifndef VT_COLLECTOR_SUMS_H
#define VT_COLLECTOR_SUMS_H

#include "collector/image.h"

enum { SUM_VALUES = 8 };

struct sum {
    const char *text;
    uint64_t values[SUM_VALUES];
};

struct sums;

/* `largest`: bits of the values of which the largest one is kept instead of the sum. */
struct sums *sums_new(unsigned largest);
void sums_free(struct sums *sums);

/* The values of a number in the current image; zero at first. `tick`: when it is met. Valid until
 * the next call. */
uint64_t *sums_at(struct sums *sums, uint32_t number, uint64_t tick);

/* What a number of an image meant at a time. Has to live as long as the sums are of use. */
typedef const char *sums_text(void *data, struct image *image, uint32_t number, uint64_t tick);

/* The current image ends. */
void sums_end_image(struct sums *sums, struct image *image, sums_text *text, void *data);

/* Owned by `sums`, in no order. */
struct sum *sums_all(struct sums *sums, size_t *count);

#endif
