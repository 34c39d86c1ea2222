/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/forecast.h"

#include "lib/text.h"

static void count_mounts(struct dr_mirror_forecast *forecast, const struct dr_blob_put *puts,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!puts[i].mount_from)
            continue;
        forecast->mount++;
        forecast->mount_bytes += puts[i].size;
    }
}

struct dr_mirror_forecast dr_mirror_foresee(const struct dr_mirror_target *target)
{
    const struct dr_mirror_plan *plan = &target->plan;
    struct dr_mirror_forecast forecast = {.send = plan->first_count + plan->more_count,
                                          .send_bytes = plan->bytes};

    count_mounts(&forecast, plan->first, plan->first_count);
    count_mounts(&forecast, plan->more, plan->more_count);
    forecast.send -= forecast.mount;
    forecast.send_bytes -= forecast.mount_bytes;
    /* Whether all of these will be mounted the registry decides, so the bundle is verified for them too. */
    if (forecast.send + forecast.mount > 0)
        forecast.read_bytes = dr_bundle_file_size(target->push.bundle) + forecast.send_bytes;
    count_mounts(&forecast, target->requires.mounts, target->requires.mount_count);
    for (size_t i = 0; i < plan->image_count; i++)
        forecast.tags += !plan->images[i].tagged;
    return forecast;
}

static void say_times(const struct dr_mirror_target *target,
                      const struct dr_mirror_forecast *forecast, const struct dr_pace *pace)
{
    char text[DR_PACE_TEXT];

    if (pace->line && forecast->send_bytes)
        dr_log_say(&target->log, "sending: %s",
                   dr_pace_text(forecast->send_bytes, pace->line, text));
    if (pace->read && forecast->read_bytes)
        dr_log_say(&target->log,
                   "reading the bundle, all of it to verify it and then again what is sent: %s",
                   dr_pace_text(forecast->read_bytes, pace->read, text));
    else if (pace->read)
        dr_log_say(&target->log, "reading the bundle: none of its layers is needed");
}

void dr_mirror_forecast_say(const struct dr_mirror_target *target, const struct dr_pace *pace)
{
    const struct dr_mirror_forecast forecast = dr_mirror_foresee(target);
    char sent[16];
    char mounted[16];

    dr_text_size(forecast.send_bytes, sent);
    dr_text_size(forecast.mount_bytes, mounted);
    dr_log_say(
        &target->log,
        "blobs: %zu present, %zu to be sent%s%s%s, %zu to be mounted from a neighbour%s%s%s; "
        "tags: %zu to be written; nothing was written now",
        target->push.present, forecast.send, forecast.send ? " (" : "", forecast.send ? sent : "",
        forecast.send ? ")" : "", forecast.mount, forecast.mount ? " (" : "",
        forecast.mount ? mounted : "", forecast.mount ? ")" : "", forecast.tags);
    say_times(target, &forecast, pace);
}

json_t *dr_mirror_forecast_json(const struct dr_mirror_target *target, const struct dr_pace *pace)
{
    const struct dr_mirror_forecast forecast = dr_mirror_foresee(target);
    json_auto_t *plan = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "present", (json_int_t)target->push.present, "send",
        (json_int_t)forecast.send, "send_bytes", (json_int_t)forecast.send_bytes, "mount",
        (json_int_t)forecast.mount, "mount_bytes", (json_int_t)forecast.mount_bytes, "tags",
        (json_int_t)forecast.tags, "read_bytes", (json_int_t)forecast.read_bytes);

    if (!plan || dr_pace_json(plan, "send_seconds", forecast.send_bytes, pace->line, NULL) < 0 ||
        dr_pace_json(plan, "read_seconds", forecast.read_bytes, pace->read, NULL) < 0)
        return NULL;
    return json_incref(plan);
}
