/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/savings.h"

#include <stdlib.h>

#include "lib/cleanup.h"

static bool holds(const struct dr_required *item, size_t base)
{
    for (size_t i = 0; i < item->holder_count; i++) {
        if (item->holders[i].base == base)
            return true;
    }
    return false;
}

static void add_up(const struct dr_delta *delta, size_t base, struct dr_saving *saving)
{
    for (size_t i = 0; i < delta->count; i++) {
        if (!holds(&delta->items[i], base))
            continue;
        saving->layers++;
        saving->bytes += delta->items[i].size;
    }
}

/* Another one that is not superfluous itself has it. */
static bool is_known_elsewhere(const struct dr_required *item, size_t base,
                               const struct dr_saving *savings)
{
    for (size_t i = 0; i < item->holder_count; i++) {
        size_t other = item->holders[i].base;

        if (other != base && !savings[other].superfluous)
            return true;
    }
    return false;
}

static bool is_superfluous(const struct dr_delta *delta, size_t base,
                           const struct dr_saving *savings)
{
    for (size_t i = 0; i < delta->count; i++) {
        if (holds(&delta->items[i], base) && !is_known_elsewhere(&delta->items[i], base, savings))
            return false;
    }
    return true;
}

/* The one to look at next: what saves least goes first, of equals the later one. `count`: none is left. */
static size_t find_least(const struct dr_saving *savings, const bool *seen, size_t count)
{
    size_t least = count;

    for (size_t i = 0; i < count; i++) {
        if (!seen[i] && (least == count || savings[i].bytes <= savings[least].bytes))
            least = i;
    }
    return least;
}

struct dr_saving *dr_savings_new(const struct dr_delta *delta, size_t count, struct dr_err *err)
{
    dr_autofree struct dr_saving *savings = calloc(count + 1, sizeof *savings);
    dr_autofree bool *seen = calloc(count + 1, sizeof *seen);
    size_t base;

    if (!savings || !seen) {
        dr_fail_memory(err);
        return NULL;
    }
    for (size_t i = 0; delta && i < count; i++)
        add_up(delta, i, &savings[i]);
    while ((base = find_least(savings, seen, count)) < count) {
        savings[base].superfluous = !delta || is_superfluous(delta, base, savings);
        seen[base] = true;
    }
    return dr_steal(savings);
}
