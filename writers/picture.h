/* What a flame graph shows of a tree: which frames are wide enough, what kinds of code there are
 * and how they are coloured, and all of it as JSON for the script in the picture. */
#ifndef VT_WRITERS_PICTURE_H
#define VT_WRITERS_PICTURE_H

#include "collector/stacks.h"

#include <stdio.h>

enum { PICTURE_WIDTH = 1200 }; /* pixels, at first */

/* A kind of frame: the code of one module, or calls of one category. */
struct kind {
    const char *label, *path; /* path "": it is no module */
    char colour[8];           /* CSS class: a category's, or m0 … for the heaviest modules */
    uint64_t self;
};

struct picture {
    const struct tree *tree;
    int compares; /* the second column is another session */
    struct kind *kinds;
    size_t kind_count;
    uint32_t *kind_of;      /* by node of the tree */
    uint64_t threshold;     /* frames that weigh less are left out … */
    uint32_t shown, hidden; /* how many are there, how many are not … */
    uint64_t hidden_weight; /* and what those weigh */
    char *json;             /* members "kinds", "names", "kindOf", "frames" of an object */
    size_t json_size;
};

/* Leaves out what is narrower than a tenth of a pixel, and as much more as it takes to be small. */
struct picture *picture_new(const struct tree *tree, int compares);
void picture_free(struct picture *picture);

/* Text for XML, and for JSON that may stand in XML: whatever the bytes are, they stay text. */
void put_xml(FILE *file, const char *text);
void put_script_json(FILE *file, const char *text);

#endif
