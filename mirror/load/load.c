/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/check.h"
#include "bundle/file/stream.h"
#include "lib/engine/image.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "mirror/load/names.h"
#include "mirror/load/send.h"

struct load {
    const struct dr_load_options *options;
    const struct dr_log *log;
    struct dr_bundle *bundle;
    bool stream; /* it comes through a pipe, and what is to be sent is verified on its way */
    struct dr_engine *engine;
    struct dr_load_names names;
    uint64_t sent; /* bytes */
};

static const char *result_of(const struct load *load, const struct dr_load_name *name)
{
    bool dry = load->options->dry_run;

    switch (name->before) {
    case DR_LOAD_PRESENT:
        return "present";
    case DR_LOAD_UNNAMED:
        return dry ? "to tag" : "tagged";
    case DR_LOAD_ABSENT:
        break;
    }
    return dry ? "to load" : "loaded";
}

/* On an engine that does not have it yet: what the classic stores will call it. */
static const char *id_of(const struct dr_load_name *name)
{
    return *name->id ? name->id : json_string_value(json_array_get(name->identity->ids, 0));
}

static size_t count_absent(const struct load *load)
{
    size_t absent = 0;

    for (size_t i = 0; i < load->names.count; i++)
        absent += load->names.items[i].own && load->names.items[i].before == DR_LOAD_ABSENT;
    return absent;
}

/* Own names come with the load; the others, and those of images that were there, are given. */
static int give_names(struct load *load, struct dr_err *err)
{
    for (size_t i = 0; i < load->names.count; i++) {
        struct dr_load_name *name = &load->names.items[i];
        bool made = name->before == DR_LOAD_PRESENT || (name->own && load->sent > 0);

        if (dr_stop_check(err, "naming images") < 0)
            return -1;
        if (!made) {
            const struct dr_load_name *own = name;

            while (!own->own || own->image != name->image)
                own--;
            if (dr_image_tag(load->engine, id_of(own), &name->reference, err) < 0)
                return -1;
        }
        if (dr_load_name_prove(name, load->engine, err) < 0)
            return dr_err_advise(err, "don't use the images of this engine before that is clear");
    }
    return 0;
}

static int send_all(struct load *load, struct dr_err *err)
{
    if (dr_load_send(load->engine, load->bundle, load->log, err) < 0)
        return err && err->code == DR_ERR_STOPPED
                   ? dr_err_advise(err, "run the same command again to go on")
                   : -1;
    load->sent = dr_bundle_file_size(load->bundle);
    return 0;
}

/* Also where nothing is missing a stream is read, to know what it is. */
static int send_stream(struct load *load, size_t absent, struct dr_err *err)
{
    if (dr_load_send_stream(absent > 0 ? load->engine : NULL, load->bundle, load->log, &load->sent,
                            err) < 0)
        return -1;
    dr_log_say(load->log, "verified the stream: signature and every byte");
    return 0;
}

static int send(struct load *load, struct dr_err *err)
{
    size_t absent = count_absent(load);
    double began = dr_clock();
    char size[16];
    char took[16];

    if (load->stream ? send_stream(load, absent, err) < 0 : absent > 0 && send_all(load, err) < 0)
        return -1;
    if (absent == 0)
        return 0;
    dr_text_size(load->sent, size);
    dr_text_seconds(dr_clock() - began, took);
    dr_log_say(load->log, "sent %s in %s: %zu of %zu images were missing", size, took, absent,
               load->names.image_count);
    return 0;
}

static void tell_moved(const struct load *load)
{
    for (size_t i = 0; i < load->names.count; i++) {
        const struct dr_load_name *name = &load->names.items[i];

        if (*name->other)
            dr_log_say(load->log, "%s %s another image, %.19s", name->text,
                       load->options->dry_run ? "is" : "was", name->other);
    }
}

static json_t *name_json(const struct load *load, const struct dr_load_name *name)
{
    char reference[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "reference",
                     dr_reference_text(&name->image->reference, reference), "name", name->text,
                     "digest", dr_digest_text(&name->image->manifest.digest, digest), "id",
                     id_of(name), "result", result_of(load, name), "replaced",
                     *name->other ? name->other : NULL);
}

static int print_json(const struct load *load, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(load->bundle);
    char sums[DR_DIGEST_TEXT];
    json_auto_t *report =
        json_pack("{s:{s:o, s:s, s:s*}, s:s, s:b, s:I, s:[]}", "bundle", "path",
                  dr_json_name(load->options->bundle), "sums", dr_digest_text(&about->sums, sums),
                  "release", about->release, "engine", dr_engine_host(load->engine), "dry_run",
                  (int)load->options->dry_run, "bytes_sent", (json_int_t)load->sent, "images");

    if (!report)
        return dr_fail_memory(err);
    for (size_t i = 0; i < load->names.count; i++) {
        if (dr_json_append(json_object_get(report, "images"),
                           name_json(load, &load->names.items[i]), err) < 0)
            return -1;
    }
    return dr_json_print(report, stdout, err);
}

static int report(const struct load *load, struct dr_err *err)
{
    size_t width = 0;

    tell_moved(load);
    if (load->options->json)
        return print_json(load, err);
    for (size_t i = 0; i < load->names.count; i++) {
        size_t length = strlen(load->names.items[i].text);

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < load->names.count; i++) {
        const struct dr_load_name *name = &load->names.items[i];

        printf("%-*s  %s  %s\n", (int)width, name->text, id_of(name), result_of(load, name));
    }
    return 0;
}

static int run(struct load *load, struct dr_err *err)
{
    if (dr_load_names_look(&load->names, load->engine, err) < 0)
        return -1;
    if (!load->options->dry_run && (send(load, err) < 0 || give_names(load, err) < 0))
        return -1;
    return report(load, err);
}

static int make_names(struct load *load, struct dr_err *err)
{
    const struct dr_load_options *options = load->options;
    dr_auto_destination struct dr_destination registry = DR_DESTINATION_INIT;

    if (!options->registry)
        return options->map_count
                   ? dr_fail(err, DR_ERR_USAGE, "--map means nothing without --registry")
                   : dr_load_names_make(load->bundle, NULL, &load->names, err);
    if (dr_destination_read(options->registry, options->maps, options->map_count, &registry, err) <
        0)
        return -1;
    dr_destination_warn(&registry, load->bundle, load->log);
    return dr_load_names_make(load->bundle, &registry, &load->names, err);
}

static struct dr_bundle *open_bundle(const struct load *load, struct dr_err *err)
{
    const struct dr_load_options *options = load->options;

    if (load->stream && options->dry_run) {
        dr_fail(err, DR_ERR_USAGE,
                "--dry-run would let the stream go by: 'drover verify -' looks at one");
        return NULL;
    }
    return load->stream ? dr_bundle_open_stream(STDIN_FILENO, options->trust, err)
                        : dr_bundle_open(options->bundle, options->trust, err);
}

int dr_load_run(const struct dr_load_options *options, const struct dr_log *log, struct dr_err *err)
{
    struct load load = {
        .options = options, .log = log, .stream = strcmp(options->bundle, "-") == 0};
    dr_auto_bundle struct dr_bundle *bundle = load.bundle = open_bundle(&load, err);
    dr_auto_engine struct dr_engine *engine = NULL;
    int done;

    if (!bundle || dr_bundle_refuse_delta(bundle, "an engine cannot load it", err) < 0)
        return -1;
    done = make_names(&load, err);
    /* One question before the long hashing: an engine that isn't there should be said at once. */
    engine = load.engine = done == 0 ? dr_engine_new(&options->engine, err) : NULL;
    done = engine && (load.stream ||
                      dr_bundle_check_layers(bundle, options->bundle, true, log, err) == 0)
               ? run(&load, err)
               : -1;
    dr_load_names_release(&load.names);
    return done;
}
