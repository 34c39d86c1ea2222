/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "mirror/serve/catalog.h"
#include "mirror/serve/server.h"

/* Where it is found under its whole name only. */
static void put_host_before(struct dr_reference *reference, const char *host)
{
    char path[sizeof reference->repository];
    int size = snprintf(path, sizeof path, "%s/%s", host, reference->repository);

    if (size >= 0 && (size_t)size < sizeof path)
        dr_text_put(reference->repository, sizeof reference->repository, path);
}

/* The image as a host pulls it: "every address" is not a name that one can ask. */
static const char *name_of(const struct dr_serve *serve, const struct dr_bundle_image *image,
                           char ret[DR_REFERENCE_TEXT])
{
    struct dr_reference reference = image->reference;
    char machine[64] = "HOST";

    if (serve->any) {
        gethostname(machine, sizeof machine - 1);
        snprintf(reference.host, sizeof reference.host, "%s%s", machine,
                 strrchr(serve->address, ':'));
    } else {
        memcpy(reference.host, serve->address, sizeof serve->address);
    }
    if (!dr_catalog_is_plain(serve->bundle, image))
        put_host_before(&reference, image->reference.host);
    reference.has_digest = reference.has_digest && !*reference.tag;
    return dr_reference_text(&reference, ret);
}

static json_t *image_json(const struct dr_serve *serve, const struct dr_bundle_image *image)
{
    char reference[DR_REFERENCE_TEXT];
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    return json_pack(
        "{s:s, s:s, s:s}", "reference", dr_reference_text(&image->reference, reference), "name",
        name_of(serve, image, name), "digest", dr_digest_text(&image->manifest.digest, digest));
}

static int announce_json(const struct dr_serve *serve, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(serve->bundle);
    char sums[DR_DIGEST_TEXT];
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(serve->bundle, &count);
    dr_autofree char *text = NULL;
    json_auto_t *ready = json_pack(
        "{s:s, s:s+, s:b, s:b, s:{s:o, s:s, s:s*}, s:[]}", "address", serve->address, "url",
        serve->tls ? "https://" : "http://", serve->address, "tls", serve->tls != NULL, "login",
        serve->htpasswd != NULL, "bundle", "path", dr_json_name(serve->path), "sums",
        dr_digest_text(&about->sums, sums), "release", about->release, "images");

    if (!ready)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(json_object_get(ready, "images"), image_json(serve, &images[i]), err) <
            0)
            return -1;
    }
    text = dr_json_text(ready, false, err);
    if (!text)
        return -1;
    puts(text);
    return 0;
}

static void announce_lines(const struct dr_serve *serve)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(serve->bundle, &count);
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(name_of(serve, &images[i], name));

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < count; i++)
        printf("%-*s  %s\n", (int)width, name_of(serve, &images[i], name),
               dr_digest_text(&images[i].manifest.digest, digest));
}

int dr_serve_announce(const struct dr_serve *serve, bool json, struct dr_err *err)
{
    size_t count;

    dr_bundle_images(serve->bundle, &count);
    if (!json)
        announce_lines(serve);
    else if (announce_json(serve, err) < 0)
        return -1;
    if (fflush(stdout) != 0)
        return dr_fail_errno(err, DR_ERR_IO, "write the result to the standard output");
    dr_log_say(serve->log, "serving %zu image%s, for reading, at %s%s; Ctrl-C ends it", count,
               count == 1 ? "" : "s", serve->tls ? "https://" : "http://", serve->address);
    return 0;
}
