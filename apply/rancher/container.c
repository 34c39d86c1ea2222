/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/container.h"

#include <stdio.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

#define LABEL "io.drover.container"
#define REMOVE_SECONDS 120
#define CREATE_TRIES 4

bool dr_container_state_is(const json_t *container, const char *state)
{
    return strcmp(dr_json_string_or(container, "state", ""), state) == 0;
}

const char *dr_container_failure(const json_t *container)
{
    if (strcmp(dr_json_string_or(container, "transitioning", ""), "error") != 0 &&
        !dr_container_state_is(container, "error"))
        return NULL;
    return dr_json_string_or(container, "transitioningMessage", "Rancher gives no reason");
}

json_t *dr_container_look(struct dr_rancher *rancher, const json_t *container, struct dr_err *err)
{
    const char *self = dr_client_link(container, "self");

    if (!self) {
        dr_fail(err, DR_ERR_FORMAT, "a container of Rancher's has no link to itself");
        return NULL;
    }
    return dr_client_get(rancher, self, "look at a container", err);
}

static bool is_leaving(const json_t *container)
{
    return dr_client_removed(container) || dr_container_state_is(container, "removing") ||
           dr_container_state_is(container, "stopping");
}

int dr_container_remove(struct dr_rancher *rancher, const json_t *container, const char *what,
                        struct dr_err *err)
{
    const char *self = dr_client_link(container, "self");
    struct dr_wait wait;

    if (!self)
        return dr_fail(err, DR_ERR_FORMAT, "%s: it has no link to itself", what);
    dr_wait_start(&wait, REMOVE_SECONDS);
    wait.steady = rancher->steady > 0;
    for (;;) {
        struct dr_err failure = DR_ERR_INIT;
        struct dr_err ignored = DR_ERR_INIT;
        json_auto_t *now = NULL;
        int again;

        if (dr_client_send(rancher, "DELETE", self, NULL, NULL, what, &failure) == 0 ||
            failure.code == DR_ERR_ABSENT)
            return 0;
        now = dr_container_look(rancher, container, &ignored);
        if ((now && is_leaving(now)) || ignored.code == DR_ERR_ABSENT)
            return 0;
        again = failure.code == DR_ERR_AUTH ? 0 : dr_wait_again(&wait, what, err);
        if (again > 0)
            continue;
        if (again == 0 && err)
            *err = failure;
        return -1;
    }
}

int dr_container_wait_removed(struct dr_rancher *rancher, const json_t *container, const char *what,
                              double seconds, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, seconds);
    wait.steady = rancher->steady > 0;
    for (;;) {
        struct dr_err failure = DR_ERR_INIT;
        json_auto_t *now = dr_container_look(rancher, container, &failure);
        int again;

        if (failure.code == DR_ERR_ABSENT || (now && dr_client_removed(now)))
            return 0;
        if (!now) {
            if (err)
                *err = failure;
            return -1;
        }
        again = dr_wait_again(&wait, what, err);
        if (again > 0)
            continue;
        return again < 0 ? -1
                         : dr_fail(err, DR_ERR_RANCHER, "%s: it is still '%s' after %.0f s", what,
                                   dr_json_string_or(now, "state", "?"), dr_wait_seconds(&wait));
    }
}

static json_t *body_of(const struct dr_container_spec *spec, const char *name, const char *image)
{
    /* `sleep` is in the agent images (they are made from Ubuntu); it ends by itself should nobody
     * come back. */
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:[s], s:[s], s:{s:s}, s:s}", "name", name,
                     "imageUuid", image, "networkMode", spec->network, "requestedHostId",
                     spec->host_id, "startOnCreate", spec->start, "entryPoint", "/bin/sleep",
                     "command", "900", "labels", LABEL, spec->purpose, "description",
                     "made by drover apply, which removes it again");
}

struct own {
    json_t *found;
    const char *purpose;
};

static int on_own(void *context, const json_t *row, struct dr_err *err)
{
    struct own *own = context;
    const char *purpose = json_string_value(dr_json_at(row, "labels", LABEL, NULL));
    const char *name = dr_json_string_or(row, "name", "");
    const char *host = strrchr(name, '-');
    json_auto_t *copy = NULL;

    if (!purpose || strcmp(purpose, own->purpose) != 0 || !dr_text_starts(name, "drover-") ||
        is_leaving(row))
        return 0;
    copy = json_deep_copy(row);
    if (!copy || json_object_set(own->found, host + 1, copy) < 0)
        return dr_fail_memory(err);
    return 0;
}

json_t *dr_container_own(struct dr_rancher *rancher, const char *project, const char *purpose,
                         struct dr_err *err)
{
    dr_autofree char *url = dr_client_collection(rancher, project, "container", err);
    json_auto_t *found = json_object();
    struct own own = {.found = found, .purpose = purpose};

    if (!found)
        dr_fail_memory(err);
    if (!url || !found ||
        dr_client_list(rancher, url, "name_prefix=drover-", on_own, &own,
                       "look for containers that an earlier run left", err) < 0)
        return NULL;
    return dr_steal(found);
}

int dr_container_sweep(struct dr_rancher *rancher, const char *project, const char *purpose,
                       struct dr_err *err)
{
    json_auto_t *own = dr_container_own(rancher, project, purpose, err);
    json_t *container;
    const char *host;

    if (!own)
        return -1;
    json_object_foreach(own, host, container)
    {
        dr_log_say(rancher->log, "%s: left by an earlier run, removed",
                   dr_json_string_or(container, "name", "?"));
        if (dr_container_remove(rancher, container, "remove a container that an earlier run left",
                                err) < 0)
            return -1;
    }
    return 0;
}

bool dr_successor_see(struct dr_successor *successor, json_t *found)
{
    const char *known = dr_json_string_or(successor->last, "id", NULL);

    if (!found)
        return false;
    if (known && strcmp(known, dr_json_string_or(found, "id", "")) != 0) {
        successor->deaths++;
        json_decref(successor->dead);
        successor->dead = dr_steal(successor->last);
    }
    json_decref(successor->last);
    successor->last = json_incref(found);
    return successor->deaths >= DR_SUCCESSOR_DEATHS;
}

void dr_successor_release(struct dr_successor *successor)
{
    json_decref(successor->last);
    json_decref(successor->dead);
    successor->last = successor->dead = NULL;
}

bool dr_container_reason(const json_t *container, char ret_reason[DR_REASON])
{
    const char *words = dr_json_string_or(container, "transitioningMessage", "");

    if (!*words || strcmp(words, "In Progress") == 0)
        return false;
    snprintf(ret_reason, DR_REASON, "%s", words);
    return true;
}

static bool reason_of(struct dr_rancher *rancher, const json_t *container,
                      char ret_reason[DR_REASON])
{
    json_auto_t *now = container ? dr_container_look(rancher, container, NULL) : NULL;

    return now && dr_container_reason(now, ret_reason);
}

bool dr_successor_reason(struct dr_rancher *rancher, const struct dr_successor *successor,
                         char ret_reason[DR_REASON])
{
    return reason_of(rancher, successor->last, ret_reason) ||
           reason_of(rancher, successor->dead, ret_reason);
}

/* One try. An answer that got lost does not mean that nothing was made: 0 and NULL in `ret_created`
 * then. */
static int create_once(struct dr_rancher *rancher, const char *project,
                       const struct dr_container_spec *spec, const char *url, const json_t *body,
                       json_t **ret_created, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    json_auto_t *own = NULL;

    if (dr_client_send(rancher, "POST", url, body, ret_created, "make a helper container",
                       &failure) == 0)
        return 0;
    if (failure.code == DR_ERR_NET)
        own = dr_container_own(rancher, project, spec->purpose, NULL);
    if (!own) {
        if (err)
            *err = failure;
        return -1;
    }
    *ret_created = json_incref(json_object_get(own, spec->host_id));
    return 0;
}

json_t *dr_container_create(struct dr_rancher *rancher, const char *project,
                            const struct dr_container_spec *spec, struct dr_err *err)
{
    dr_autofree char *name = dr_text_format(err, "drover-%s-%s", spec->purpose, spec->host_id);
    dr_autofree char *image = dr_text_format(err, "docker:%s", spec->image);
    dr_autofree char *url = dr_client_collection(rancher, project, "container", err);
    json_auto_t *body = name && image ? body_of(spec, name, image) : NULL;
    json_t *created = NULL;

    if (!name || !image || !url)
        return NULL;
    if (!body) {
        dr_fail_memory(err);
        return NULL;
    }
    for (unsigned tries = 0; tries < CREATE_TRIES && !created; tries++) {
        if (create_once(rancher, project, spec, url, body, &created, err) < 0)
            return NULL;
    }
    if (!created)
        dr_fail(err, DR_ERR_NET,
                "Rancher's answers get lost on the way: no helper container could "
                "be made");
    return created;
}
