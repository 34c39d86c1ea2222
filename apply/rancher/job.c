/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/job.h"

#include <string.h>
#include <time.h>

#include "lib/json.h"
#include "lib/text.h"

int dr_job_row(json_t *rows, const struct dr_row *row, struct dr_err *err)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "step", row->step, "object", row->object, "action",
                  row->action, "why", row->why, "interruption", row->interruption);

    return dr_json_append(rows, object, err);
}

int dr_job_changed(const struct dr_rancher_job *job, struct dr_err *err)
{
    return job->changed ? job->changed(job->context, err) : 0;
}

int dr_job_note(const struct dr_rancher_job *job, const char *list, json_t *entry,
                json_t **ret_entry, struct dr_err *err)
{
    json_t *entries = json_object_get(job->report, list);

    if (!json_is_array(entries)) {
        entries = json_array();
        if (dr_json_set(job->report, list, entries, err) < 0) {
            json_decref(entry);
            return -1;
        }
    }
    if (dr_json_append(entries, entry, err) < 0)
        return -1;
    if (ret_entry)
        *ret_entry = entry;
    return 0;
}

int dr_job_leave_alone(const struct dr_rancher_job *job, const char *object, const char *why,
                       struct dr_err *err)
{
    dr_log_warn(job->log, "%s is left alone: %s", object, why);
    return dr_job_note(job, "left_alone", json_pack("{s:s, s:s}", "object", object, "why", why),
                       NULL, err);
}

void dr_job_reconsider(const struct dr_rancher_job *job, const char *prefix)
{
    json_t *entries = json_object_get(job->report, "left_alone");

    for (size_t i = json_array_size(entries); i > 0; i--) {
        const char *object = dr_json_string_or(json_array_get(entries, i - 1), "object", "");

        if (dr_text_starts(object, prefix))
            json_array_remove(entries, i - 1);
    }
}

json_t *dr_job_open_entry(const struct dr_rancher_job *job, const char *list, const char *key,
                          const char *value, const char *other_key, const char *other)
{
    const json_t *entries = json_object_get(job->report, list);
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        if (!json_is_string(json_object_get(entry, "after")) &&
            strcmp(dr_json_string_or(entry, key, ""), value) == 0 &&
            (!other_key || strcmp(dr_json_string_or(entry, other_key, ""), other) == 0))
            return entry;
    }
    return NULL;
}

const char *dr_job_image(const char *image_uuid)
{
    if (!image_uuid)
        return "?";
    return dr_text_starts(image_uuid, "docker:") ? image_uuid + 7 : image_uuid;
}

bool dr_job_same_image(const char *image_uuid, const char *reference)
{
    return strcmp(dr_job_image(image_uuid), reference) == 0;
}

bool dr_job_is_due(const struct dr_rancher_job *job, const json_t *container, const json_t *before)
{
    const char *id = dr_json_string_or(container, "id", "");
    const json_t *row;
    size_t i;

    if (!dr_job_same_image(dr_json_string_or(container, "imageUuid", NULL), job->agent_instance))
        return true;
    if (!job->wishes || !job->wishes->recreate)
        return false;
    json_array_foreach(before, i, row)
    {
        if (strcmp(dr_json_string_or(row, "id", ""), id) == 0)
            return true;
    }
    return false;
}

int dr_job_each_environment(const struct dr_rancher_job *job, dr_environment_fn *visit,
                            void *context, struct dr_err *err)
{
    const json_t *environments = json_object_get(job->inventory, "environments");
    const json_t *environment;
    size_t i;

    json_array_foreach(environments, i, environment)
    {
        if (!json_is_string(json_object_get(environment, "skipped")) &&
            visit(job, environment, context, err) < 0)
            return -1;
    }
    return 0;
}

json_t *dr_job_find(const json_t *environment, const char *list, const char *id)
{
    const json_t *objects = json_object_get(environment, list);
    json_t *object;
    size_t i;

    json_array_foreach(objects, i, object)
    {
        if (strcmp(dr_json_string_or(object, "id", ""), id) == 0)
            return object;
    }
    return NULL;
}

const char *dr_job_host_name(const json_t *environment, const char *host_id)
{
    return dr_json_string_or(dr_job_find(environment, "hosts", host_id), "name", host_id);
}

double dr_job_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A clock that was set back between two runs is no time. */
double dr_job_since_removal(const json_t *entry)
{
    double seconds = dr_job_now() - json_number_value(json_object_get(entry, "removed_at"));

    return seconds > 0 ? seconds : 0;
}
