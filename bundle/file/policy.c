/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/policy.h"

#include <string.h>

#include "bundle/file/state.h"
#include "lib/text.h"

/* A bundle, or an import, from the future: then nothing can be said of expiry either. */
static int check_clock(const struct dr_bundle_trust *trust, const char *what, int64_t when,
                       struct dr_err *err)
{
    char then[32];
    char now[32];

    if (when <= trust->now + (int64_t)trust->max_clock_skew)
        return 0;
    dr_text_time(when, then);
    dr_text_time(trust->now, now);
    return dr_fail(err, DR_ERR_REFUSED,
                   "%s at %s, and this machine says that it is %s now: its clock is wrong; set "
                   "it, or say --ignore-clock",
                   what, then, now);
}

static int check_times(const struct dr_bundle_trust *trust, const struct dr_bundle_about *about,
                       struct dr_err *err)
{
    const int64_t skew = (int64_t)trust->max_clock_skew;

    if (check_clock(trust, "the bundle was created", about->created_at, err) < 0)
        return -1;
    if (trust->state && check_clock(trust, "the last bundle was taken",
                                    dr_state_imported_at(trust->state, about->channel), err) < 0)
        return -1;
    if (about->expires && about->expires_at + skew < trust->now)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle expired at %s; build a new one (or is this machine's clock "
                       "wrong? then --ignore-clock)",
                       about->expires);
    if (trust->max_age > 0 && about->created_at + (int64_t)trust->max_age + skew < trust->now)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle was created at %s, longer ago than the %llu days that "
                       "channel.conf allows; build a new one",
                       about->created, (unsigned long long)(trust->max_age / 86400));
    return 0;
}

int dr_policy_check(const struct dr_bundle_trust *trust, const struct dr_bundle_about *about,
                    struct dr_err *err)
{
    if (trust->unverified)
        return 0;
    if (!trust->ignore_clock && check_times(trust, about, err) < 0)
        return -1;
    if (trust->channel && strcmp(trust->channel, about->channel) != 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle is of the channel '%s', and '%s' is taken here: it was made for "
                       "another site or purpose",
                       about->channel, trust->channel);
    if (about->serial < trust->min_serial)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle's serial %llu is below the min_serial %llu of channel.conf",
                       (unsigned long long)about->serial, (unsigned long long)trust->min_serial);
    return trust->state ? dr_state_check(trust->state, about, trust, err) : 0;
}
