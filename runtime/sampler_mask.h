/* What threads believe of the sampler's signal in their masks. It is really blocked nowhere but in
 * some handlers, or threads that block all signals, as many servers' do, would have no samples.
 *
 * What a thread said of it last is remembered together with the signals next to it. Masks also
 * change without a word to us: siglongjmp, setcontext and the end of a handler bring back one that
 * they kept. Then the neighbours are others, and the signal is taken to be as both of them are: who
 * means a single signal is given it (preload/signals.c), so it came into a mask with others. */
#ifndef VT_RUNTIME_SAMPLER_MASK_H
#define VT_RUNTIME_SAMPLER_MASK_H

#include <stdint.h>

/* Masks are the kernel's, 64 bits. */

/* A new thread believes what the one that made it did. */
struct sampler_belief {
    unsigned char around; /* which of the neighbours were blocked when it was said */
    unsigned char blocked;
    unsigned char settled; /* the signal is the program's, and the real mask is the true one */
};

/* The mask that the calling thread believes that it has, when it really has this one. */
uint64_t sampler_mask_shown(uint64_t mask);

/* The calling thread said what it wants of the signal; the mask is the one that it has now. */
void sampler_mask_said(uint64_t mask, int blocked);

/* The mask for a thread that has just attached and had this one: it may have been started with the
 * signal blocked. */
uint64_t sampler_mask_attached(uint64_t mask);

/* What the calling thread believes becomes true, because the signal is the program's now; the
 * second for the thread that has this mask when its handler returns. */
void sampler_mask_settle(void);
uint64_t sampler_mask_settled(uint64_t mask);

/* Between these two it is true while the sampler goes on, for a program that inherits it. May be
 * called in a vfork's child. */
uint64_t sampler_mask_hand_on(void);
void sampler_mask_take_back(uint64_t before);

#endif
