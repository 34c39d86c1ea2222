/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

#define LIBRARY "library/"

static int read_map(const char *text, struct dr_map *map, struct dr_err *err)
{
    const char *equals = strchr(text, '=');
    char old[512];

    if (!equals || (size_t)(equals - text) >= sizeof old)
        return dr_fail(err, DR_ERR_USAGE, "--map wants OLD=NEW, not '%.200s'", text);
    snprintf(old, sizeof old, "%.*s", (int)(equals - text), text);
    map->text = text;
    if (dr_reference_parse_beginning(old, map->host, map->path, err) < 0)
        return dr_err_wrap(err, "--map '%.200s'", text);
    if ((equals[1] && !dr_reference_is_path(equals + 1)) ||
        dr_text_put(map->to, sizeof map->to, equals + 1) < 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--map '%.200s': '%.200s' is no path in a registry, like infra/rancher",
                       text, equals + 1);
    return 0;
}

static int read_maps(struct dr_destination *destination, const char *const *maps, size_t count,
                     struct dr_err *err)
{
    destination->maps = calloc(count + 1, sizeof *destination->maps);
    if (!destination->maps)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct dr_map *map = &destination->maps[i];

        if (read_map(maps[i], map, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            const struct dr_map *other = &destination->maps[j];

            if (strcmp(other->host, map->host) == 0 && strcmp(other->path, map->path) == 0)
                return dr_fail(err, DR_ERR_USAGE,
                               "--map '%.200s' and '%.200s' are about the same names", other->text,
                               map->text);
        }
    }
    destination->map_count = count;
    return 0;
}

int dr_destination_read(const char *registry, const char *const *maps, size_t map_count,
                        struct dr_destination *ret_destination, struct dr_err *err)
{
    struct dr_destination destination = DR_DESTINATION_INIT;

    if (dr_reference_parse_registry(registry, destination.host, destination.prefix, err) < 0)
        return -1;
    if (read_maps(&destination, maps, map_count, err) < 0) {
        dr_destination_release(&destination);
        return -1;
    }
    *ret_destination = destination;
    return 0;
}

void dr_destination_release(struct dr_destination *destination)
{
    free(destination->maps);
    *destination = (struct dr_destination)DR_DESTINATION_INIT;
}

/* What is left of `name` behind `beginning`: "" or "/rest"; NULL: it begins with something else. */
static const char *rest_of(const char *name, const char *beginning)
{
    size_t length = strlen(beginning);

    if (length == 0)
        return name;
    if (strncmp(name, beginning, length) != 0)
        return NULL;
    return name[length] == '\0' || name[length] == '/' ? name + length : NULL;
}

/* What of the image's path the map leaves; NULL: it is not about this image. */
static const char *fits(const struct dr_map *map, const struct dr_reference *image)
{
    const char *rest;

    if (strcmp(map->host, image->host) != 0)
        return NULL;
    rest = rest_of(image->repository, map->path);
    /* "nginx" alone is library/nginx too. */
    if (!rest && strcmp(map->host, "docker.io") == 0 && !strchr(map->path, '/') &&
        dr_text_starts(image->repository, LIBRARY) &&
        strcmp(image->repository + strlen(LIBRARY), map->path) == 0)
        rest = image->repository + strlen(image->repository);
    return rest && *rest == '/' ? rest + 1 : rest;
}

/* The one that leaves least: what maps leave are ends of one name. */
static const struct dr_map *choose(const struct dr_destination *destination,
                                   const struct dr_reference *image, const char **ret_rest)
{
    const struct dr_map *best = NULL;

    for (size_t i = 0; i < destination->map_count; i++) {
        const char *rest = fits(&destination->maps[i], image);

        if (rest && (!best || strlen(rest) < strlen(*ret_rest))) {
            best = &destination->maps[i];
            *ret_rest = rest;
        }
    }
    return best;
}

int dr_destination_place(const struct dr_destination *destination, const struct dr_reference *from,
                         struct dr_reference *ret_reference, struct dr_err *err)
{
    struct dr_reference mapped = *from;
    const char *rest = "";
    const struct dr_map *map = choose(destination, from, &rest);
    char name[DR_REFERENCE_TEXT];
    int length;

    if (map) {
        length = snprintf(mapped.repository, sizeof mapped.repository, "%s%s%s", map->to,
                          *map->to && *rest ? "/" : "", rest);
        if (length <= 0 || (size_t)length >= sizeof mapped.repository)
            return dr_fail(err, DR_ERR_USAGE, "--map '%.200s' %s of the name '%s'", map->text,
                           length == 0 ? "leaves nothing" : "makes more than 255 bytes",
                           dr_reference_text(from, name));
    }
    return dr_reference_move(&mapped, destination->host, destination->prefix, ret_reference, err);
}

void dr_destination_warn(const struct dr_destination *destination, const struct dr_bundle *bundle,
                         const struct dr_log *log)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < destination->map_count; i++) {
        bool used = false;

        for (size_t j = 0; j < count && !used; j++)
            used = fits(&destination->maps[i], &images[j].reference) != NULL;
        if (!used)
            dr_log_warn(log, "--map %s fits no image of the bundle", destination->maps[i].text);
    }
}

static bool is_insecure(const struct dr_destination *destination,
                        const struct dr_destination_options *options)
{
    for (size_t i = 0; i < options->insecure_count; i++) {
        if (strcasecmp(options->insecure[i], destination->host) == 0)
            return true;
    }
    return false;
}

struct dr_registry *dr_destination_connect(const struct dr_destination *destination,
                                           const struct dr_destination_options *options,
                                           const struct dr_log *log, struct dr_err *err)
{
    return dr_registry_new(
        &(struct dr_registry_options){.host = destination->host,
                                      .ca_file = options->ca_file,
                                      .insecure = is_insecure(destination, options),
                                      .rate = options->rate,
                                      .log = log},
        err);
}
