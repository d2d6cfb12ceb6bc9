/* See records.h. */
#include "collector/records.h"

void records_enter(struct records *records, const struct block *block, uint64_t lost[LOSS_REASONS])
{
    *records = (struct records){
        .block = block, .lost = lost, .epoch = block->header.start.tick >> EVENT_TICK_BITS};
    if (block->header.lost_reason < LOSS_REASONS)
        lost[block->header.lost_reason] += block->header.lost;
}

void records_split_call(struct record *record)
{
    const uint64_t *payload = record->payload;
    record->duration = record->value & EVENT_CALL_LONG;
    if (record->duration == EVENT_CALL_LONG && record->words)
        record->duration = payload[--record->words];
    if (record->value & EVENT_CALL_STACK && record->words)
        record->stack = (uint32_t)payload[--record->words];
    if (record->value & EVENT_CALL_PACKED && record->words && record->words < EVENT_MAX_PAYLOAD) {
        for (unsigned i = 1; i < record->words; i++)
            record->room[i] = payload[i];
        record->room[0] = payload[0] & ((UINT64_C(1) << EVENT_PACKED_SHIFT) - 1);
        record->room[record->words++] = payload[0] >> EVENT_PACKED_SHIFT;
        record->payload = record->room;
    }
}
